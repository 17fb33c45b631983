"""What follows from a phase's checks: its outcome, what is tried again, and what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mint_events.catalogue import (
    CheckCompleted,
    CheckOutcome,
    MintConfirmed,
    PhaseCompleted,
    VerificationDue,
)
from verifier.catalogue import LAYERS, Check
from verifier.decision import Examined

FIRST = 1
LAST = 2


@dataclass(frozen=True, slots=True)
class Later:
    """Work for later, no earlier than after `wait` seconds."""

    due: VerificationDue
    wait: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """Seconds until phase 2, and until what was inconclusive is tried again.

    The last of `retries` is used for every further round.
    """

    phase_2: float
    retries: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """What a round of a phase leads to: it is over, or it goes on later, or the next one comes."""

    completed: PhaseCompleted | None
    later: Later | None


def first_phase(confirmed: MintConfirmed, checks: Sequence[Check]) -> VerificationDue:
    """The work that a confirmed mint begins with."""
    return VerificationDue(
        mint_id=confirmed.mint_id,
        phase=FIRST,
        round=0,
        checks=tuple(checks),
        finalized_slot=None,
        confirmed=confirmed,
    )


def phase_outcome(examined: Sequence[Examined]) -> CheckOutcome:
    """Failed as soon as one check failed, passed only if every one passed.

    None at all is passed: what was still to be decided is not configured any more.
    """
    outcomes = {e.outcome for e in examined}
    if CheckOutcome.FAILED in outcomes:
        return CheckOutcome.FAILED
    undecided = CheckOutcome.INCONCLUSIVE in outcomes
    return CheckOutcome.INCONCLUSIVE if undecided else CheckOutcome.PASSED


def next_step(
    due: VerificationDue, examined: Sequence[Examined], second: Sequence[Check], waits: Waits
) -> Step:
    """Decide from one round: `examined` are the checks of `due`, `second` those of phase 2."""
    due = replace(due, finalized_slot=finalized_slot(examined) or due.finalized_slot)
    outcome = phase_outcome(examined)
    if outcome is CheckOutcome.INCONCLUSIVE:
        return Step(None, _again(due, examined, waits))
    completed = PhaseCompleted(
        mint_id=due.mint_id,
        phase=due.phase,
        outcome=outcome,
        failed_checks=_named(examined, CheckOutcome.FAILED),
        finalized_slot=due.finalized_slot,
    )
    goes_on = outcome is CheckOutcome.PASSED and due.phase < LAST
    return Step(completed, _phase_2(due, second, waits) if goes_on else None)


def finalized_slot(examined: Sequence[Examined]) -> int | None:
    """The slot in which the transaction was seen finalized, if this round saw it."""
    for e in examined:
        if e.check is Check.TRANSACTION_FINALIZED and e.outcome is CheckOutcome.PASSED:
            return int(e.evidence["slot"])
    return None


def check_completed(due: VerificationDue, examined: Examined) -> CheckCompleted:
    """The event of one check."""
    return CheckCompleted(
        mint_id=due.mint_id,
        phase=due.phase,
        check=examined.check,
        layer=LAYERS[examined.check],
        outcome=examined.outcome,
        endpoint=examined.endpoint,
        latency_ms=round(examined.latency * 1000, 3),
        attempts=examined.attempts,
        evidence=dict(examined.evidence),
        failure=examined.failure,
    )


def _again(due: VerificationDue, examined: Sequence[Examined], waits: Waits) -> Later:
    wait = waits.retries[min(due.round, len(waits.retries) - 1)]
    undecided = _named(examined, CheckOutcome.INCONCLUSIVE)
    return Later(replace(due, round=due.round + 1, checks=undecided), wait)


def _phase_2(due: VerificationDue, checks: Sequence[Check], waits: Waits) -> Later:
    return Later(replace(due, phase=LAST, round=0, checks=tuple(checks)), waits.phase_2)


def _named(examined: Sequence[Examined], outcome: CheckOutcome) -> tuple[str, ...]:
    return tuple(e.check for e in examined if e.outcome is outcome)

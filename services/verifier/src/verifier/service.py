"""The shell: a confirmed mint in, what its checks found out, and work for later (VE-1, VE-2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from solders.pubkey import Pubkey

from mint_events.bus import Delay, Output, Publish, Wait
from mint_events.catalogue import CheckOutcome, MintConfirmed, PhaseCompleted, VerificationDue
from mint_events.envelope import Envelope, Received, caused_by
from mint_resilience.failpoints import Boundary, reach
from verifier.catalogue import Check
from verifier.decision import Examined
from verifier.examination import Examiner
from verifier.expectation import expectation
from verifier.phase import Step, Waits, check_completed, first_phase, next_step
from verifier.plan import PHASE_1, Plan

SERVICE = "verifier"

log = structlog.stdlib.get_logger(__name__)


class Verifier:
    """Handles `mint.chain` and the verifier's delay topics.

    `authority` is the only authority whose NFTs it believes in; `now` gives the time in UTC.
    """

    def __init__(
        self,
        plan: Plan,
        examiner: Examiner,
        waits: Waits,
        authority: Pubkey,
        now: Callable[[], datetime],
    ) -> None:
        self._plan = plan
        self._examiner = examiner
        self._waits = waits
        self._authority = authority
        self._now = now

    async def handle(self, received: Received) -> Sequence[Output]:
        """Run the checks that are due and say what follows; nothing for any other event."""
        match received.envelope.event:
            case MintConfirmed() as confirmed:
                return await self._verify(received.envelope, first_phase(confirmed, PHASE_1))
            case VerificationDue() as due:
                return await self._verify(received.envelope, due)
            case _:
                return ()

    async def _verify(self, cause: Envelope, due: VerificationDue) -> Sequence[Output]:
        expected = expectation(due.confirmed, self._authority)
        reach(Boundary.CHECKS_BEGUN)
        examined = await self._examiner.examine(self._plan.lines(expected, due.checks))
        reach(Boundary.CHECKS_MADE)
        step = next_step(due, examined, self._plan.phase_2(expected), self._waits)
        _report(due, examined, step.completed)
        return outputs(cause, due, examined, step, self._now())


def outputs(
    cause: Envelope,
    due: VerificationDue,
    examined: Sequence[Examined],
    step: Step,
    now: datetime,
) -> list[Output]:
    """The events of a round: one for each check, then the phase's, then what is due later."""
    told: list[Output] = [Publish(_check_event(cause, due, each)) for each in examined]
    if step.completed:
        told.append(Publish(caused_by(cause, step.completed, source=SERVICE, time=now)))
    if step.later:
        due_later = caused_by(cause, step.later.due, source=SERVICE, time=now)
        told.append(Delay(due_later, Wait(step.later.wait)))
    return told


def _check_event(cause: Envelope, due: VerificationDue, each: Examined) -> Envelope:
    """The result of one check, at the time when it was had."""
    event = check_completed(due, each)
    return caused_by(cause, event, source=SERVICE, time=each.at, ordinal=each.check)


def _report(
    due: VerificationDue, examined: Sequence[Examined], completed: PhaseCompleted | None
) -> None:
    log.info(
        "phase" if completed else "phase goes on later",
        phase=due.phase,
        round=due.round,
        outcome=completed.outcome if completed else CheckOutcome.INCONCLUSIVE,
        failed=_names(examined, CheckOutcome.FAILED),
        inconclusive=_names(examined, CheckOutcome.INCONCLUSIVE),
    )


def _names(examined: Sequence[Examined], outcome: CheckOutcome) -> list[Check]:
    return [e.check for e in examined if e.outcome is outcome]

"""When a look counts: one pass is enough, one failure is not (VE-5).

A failure counts once `denials` different endpoints say it (or, where there are fewer, once the same
one has said it twice). Whatever remains is inconclusive and is tried again later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mint_events.catalogue import CheckOutcome
from mint_resilience.failures import Deferred, Failure
from verifier.catalogue import Check
from verifier.verdict import Evidence, Verdict

CONFIRMATIONS = 2
"""A failure is looked at again before it counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One look at one endpoint: a verdict, or the failure to get any.

    `at` is when it ended (UTC), `latency` how long it took, in seconds.
    """

    endpoint: str
    at: datetime
    latency: float
    verdict: Verdict | None = None
    failure: Failure | None = None

    @property
    def outcome(self) -> CheckOutcome:
        """The verdict's; inconclusive without one."""
        return self.verdict.outcome if self.verdict else CheckOutcome.INCONCLUSIVE

    @property
    def trouble(self) -> Failure | None:
        """What is in the way of a verdict, or of one that says yes or no."""
        return self.failure or (self.verdict.failure if self.verdict else None)

    @property
    def evidence(self) -> Evidence:
        """The verdict's; without one, what went wrong."""
        return self.verdict.evidence if self.verdict else {"failure": str(self.failure)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What a check came to, after all its attempts; `at` and `latency` are of the deciding one.

    An endpoint that was not asked was no attempt (NR-3). `failure` is the class of what was in the
    way, of a check that is inconclusive for that.
    """

    check: Check
    outcome: CheckOutcome
    endpoint: str
    at: datetime
    latency: float
    attempts: int
    evidence: Evidence
    failure: str | None


def decide(check: Check, attempts: Sequence[Attempt], *, denials: int) -> Examined:
    """Draw the conclusion; `attempts` has at least one, the oldest first."""
    passes = [a for a in attempts if a.outcome is CheckOutcome.PASSED]
    if passes:
        return _examined(check, CheckOutcome.PASSED, passes[-1], attempts)
    fails = [a for a in attempts if a.outcome is CheckOutcome.FAILED]
    heard = len({a.endpoint for a in fails})
    if heard >= denials and len(fails) >= CONFIRMATIONS:
        return _examined(check, CheckOutcome.FAILED, fails[-1], attempts)
    undecided = [a for a in attempts if a.outcome is CheckOutcome.INCONCLUSIVE]
    return _examined(check, CheckOutcome.INCONCLUSIVE, (undecided or attempts)[-1], attempts)


def _examined(
    check: Check, outcome: CheckOutcome, by: Attempt, attempts: Sequence[Attempt]
) -> Examined:
    return Examined(
        check=check,
        outcome=outcome,
        endpoint=by.endpoint,
        at=by.at,
        latency=by.latency,
        attempts=sum(not isinstance(attempt.failure, Deferred) for attempt in attempts),
        evidence=by.evidence,
        failure=by.trouble.kind if by.trouble else None,
    )

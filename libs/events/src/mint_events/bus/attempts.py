"""What follows from a failed attempt at a record: another one, or a dead letter. Pure.

Transient, RateLimited, Degraded, Outage: tried again without end, for the fault is not the record's
Poison, Permanent:                        given up at once, for the answer will not change
Conflict, and every other exception:      tried a few times, then given up: it is a bug of ours
"""

from __future__ import annotations

from dataclasses import dataclass

from mint_events.bus.limits import Limits
from mint_resilience.backoff import Backoff, Random, wait_after
from mint_resilience.failures import (
    Conflict,
    Degraded,
    Failure,
    Outage,
    Permanent,
    Poison,
    RateLimited,
    Transient,
)

BUG = "bug"
_PASSING = (Transient, RateLimited, Degraded, Outage)


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Wait so many seconds, then do it again."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The record goes to the dead-letter topic."""


Verdict = TryAgain | GiveUp


def kind_of(error: BaseException) -> str:
    """The class of the failure, as metrics, log lines and dead letters name it."""
    return error.kind if isinstance(error, Failure) else BUG


def judge(error: BaseException, attempt: int, limits: Limits, random: Random) -> Verdict:
    """Say what follows from `error` in attempt number `attempt` (from 1)."""
    if isinstance(error, Poison | Permanent):
        return GiveUp()
    if not isinstance(error, _PASSING) and attempt >= limits.bug_attempts:
        return GiveUp()
    failure = error if isinstance(error, Failure) else Conflict(str(error))
    policy = Backoff(attempts=attempt, base=limits.retry_base, ceiling=limits.retry_ceiling)
    return TryAgain(wait_after(failure, attempt, policy, random))

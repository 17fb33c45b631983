"""What follows from a failed attempt at a record: another one, or none. Pure.

Deferred (AllUnavailable, …):     nothing was tried: look again when it says, or something recovers
Outage:                           nobody was there: look again later and later, without end
Transient, RateLimited, Degraded: tried again, each at the cost of the record's budget
Poison, Permanent:                given up at once, for the answer will not change
Conflict, every other exception:  tried a few times, then given up: it is a bug of ours
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeGuard

from mint_events.bus.limits import Limits
from mint_resilience.backoff import Backoff, Random, wait, wait_after
from mint_resilience.failures import (
    BudgetExhausted,
    Conflict,
    Deferred,
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
    """Wait so many seconds, then do it again; the record's budget pays for it."""

    seconds: float


@dataclass(frozen=True, slots=True)
class LookAgain:
    """The record is not to blame: wait so many seconds, or until a dependency is back."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The record goes to the dead-letter topic."""


Verdict = TryAgain | LookAgain | GiveUp


def kind_of(error: BaseException) -> str:
    """The class of the failure, as metrics, log lines and dead letters name it."""
    return error.kind if isinstance(error, Failure) else BUG


def judge(
    error: BaseException, attempt: int, limits: Limits, random: Random, *, looked: bool = False
) -> Verdict:
    """Say what follows from `error` in attempt number `attempt` (from 1).

    `looked`: the attempt before found no endpoint that may be asked, so this one was the probe of
    a breaker, which its failure has opened again.
    """
    if isinstance(error, Poison | Permanent):
        return GiveUp()
    if is_deferred(error):
        return LookAgain(_until_available(error, limits, random))
    if looked and isinstance(error, _PASSING) and not isinstance(error, BudgetExhausted):
        return LookAgain(wait(1, limits.retry_base, random))
    if not isinstance(error, _PASSING) and attempt >= limits.bug_attempts:
        return GiveUp()
    policy = Backoff(attempts=attempt, base=limits.retry_base, ceiling=limits.retry_ceiling)
    seconds = wait_after(as_failure(error), attempt, policy, random)
    return LookAgain(seconds) if isinstance(error, Outage) else TryAgain(seconds)


def as_failure(error: BaseException) -> Failure:
    """The error itself, or what stands for a bug."""
    return error if isinstance(error, Failure) else Conflict(f"{type(error).__name__}: {error}")


def is_deferred(error: BaseException) -> TypeGuard[Deferred]:
    """Whether nothing was tried, so that nothing was spent. A spent budget is another matter."""
    return isinstance(error, Deferred) and not isinstance(error, BudgetExhausted)


def _until_available(error: Deferred, limits: Limits, random: Random) -> float:
    """When nobody knows (all forced open), ask as seldom as we ever do."""
    told = limits.retry_ceiling if error.retry_after is None else error.retry_after
    return wait(1, max(told, limits.retry_base), random)

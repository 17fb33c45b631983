"""Try again, later and later: which failures, how often, how long between.

A wait is `base · 2^(attempt-1)` seconds plus up to 10 % random jitter; what the other side asks for
(`Retry-After`) is the least. "n attempts" counts the first one. The figures of the named policies
are those of the requirements (ids beside them). Nested retries share the budget that is in force
(`mint_resilience.budget`), so that three times five attempts can not become fifteen.
"""

from __future__ import annotations

import asyncio
import random as _random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import tenacity

from mint_resilience.budget import Budget, current_budget
from mint_resilience.failures import Deferred, Degraded, Failure, Outage, RateLimited, Transient

T = TypeVar("T")
Random = Callable[[], float]
"""Gives a number from 0 up to, not including, 1."""
Sleep = Callable[[float], Awaitable[None]]
OnRetry = Callable[[Failure, int, float], None]
"""Told of every retry: the failure, the attempt (from 1) it ended, the seconds until the next."""

JITTER = 0.1
_DOUBLINGS = 40  # tens of thousands of years; without a bound a patient caller ends in an overflow
RATE_LIMITED_ATTEMPTS = 5  # NR-1
SOLANA_BASE = 2.0
IPFS_BASE = 1.0
DATABASE_BASE = 0.5

SAME_ENDPOINT = (Transient, RateLimited, Degraded)
"""What may go away by itself. An `Outage` is not in it: its cure is another endpoint, at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """A policy: `attempts` in all, `base` seconds before the second, doubled from then on.

    A rate limit has its own, larger number of attempts. `ceiling` bounds a wait, in seconds, before
    jitter; the other side's wish may be longer than that.
    """

    attempts: int
    base: float
    rate_limited_attempts: int = RATE_LIMITED_ATTEMPTS
    ceiling: float = 60.0
    retried: tuple[type[Failure], ...] = SAME_ENDPOINT

    def attempts_for(self, failure: Failure) -> int:
        """How often an operation that ends in this failure is tried in all.

        `Deferred` goes to who can wait durably: waiting is not trying (NR-3).
        """
        if isinstance(failure, Deferred) or not isinstance(failure, self.retried):
            return 1
        return self.rate_limited_attempts if isinstance(failure, RateLimited) else self.attempts


TRANSIENT = Backoff(attempts=3, base=1.0)  # NR-1
# MF-3. An `Outage` is tried again, too: one refused connection does not close the gate.
GATE_IPFS = Backoff(attempts=3, base=IPFS_BASE, retried=(*SAME_ENDPOINT, Outage))
GATE_DATABASE = Backoff(attempts=2, base=DATABASE_BASE, retried=(*SAME_ENDPOINT, Outage))
UPLOAD = Backoff(attempts=5, base=IPFS_BASE)  # MF-4
PENDING_RECORD = Backoff(attempts=3, base=DATABASE_BASE)  # MF-5
SUBMIT = Backoff(attempts=3, base=SOLANA_BASE)  # MF-6
METADATA_ACCOUNT = Backoff(attempts=5, base=SOLANA_BASE)  # MF-6
DEADLOCK = Backoff(attempts=2, base=0.0)  # RE-9: at once, once
RECONNECT = Backoff(  # RE-9: 0.5, 1, 2 s; there is no other endpoint to go to
    attempts=4, base=DATABASE_BASE, retried=(*SAME_ENDPOINT, Outage)
)


def wait(attempt: int, base: float, random: Random) -> float:
    """Seconds to wait after attempt number `attempt` (from 1): exponential, with jitter ≤ 10 %."""
    return float(base * 2 ** min(attempt - 1, _DOUBLINGS) * (1 + JITTER * random()))


def wait_after(failure: Failure, attempt: int, policy: Backoff, random: Random) -> float:
    """Seconds to wait after this failure; never less than the other side asked for."""
    ours = min(wait(attempt, policy.base, random), wait(1, policy.ceiling, random))
    return max(ours, getattr(failure, "retry_after", None) or 0.0)


async def retry(
    operation: Callable[[], Awaitable[T]],
    policy: Backoff,
    *,
    on_retry: OnRetry | None = None,
    budget: Budget | None = None,
    sleep: Sleep = asyncio.sleep,
    random: Random = _random.random,
) -> T:
    """Call `operation` until it succeeds, or the policy or the budget has had enough.

    `budget` is by default the one in force (`spending`), if any. Raises the last attempt's failure;
    `BudgetExhausted` when the budget does not allow to begin or to go on; anything that is not a
    `Failure` goes through at once.
    """
    shared = budget or current_budget()

    def seconds(state: tenacity.RetryCallState) -> float:
        return wait_after(_failure(state), state.attempt_number, policy, random)

    def report(state: tenacity.RetryCallState) -> None:
        if shared is not None:
            shared.spend(_failure(state), state.upcoming_sleep)
        if on_retry is not None:
            on_retry(_failure(state), state.attempt_number, state.upcoming_sleep)

    retrying = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(policy.retried),
        stop=lambda state: state.attempt_number >= policy.attempts_for(_failure(state)),
        wait=seconds,
        before_sleep=report,
        sleep=sleep,
        reraise=True,
    )

    async def attempt() -> T:  # tenacity awaits only what it sees to be a coroutine function
        return await operation()

    if shared is not None:
        shared.require_time()
    return await retrying(attempt)


def _failure(state: tenacity.RetryCallState) -> Failure:
    """The failure that ended the attempt; tenacity asks only after one of the retried classes."""
    failure = state.outcome.exception() if state.outcome else None
    if not isinstance(failure, Failure):
        raise TypeError(f"tenacity asked about {failure!r}, which is not a failure")
    return failure

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
from math import inf
from typing import TypeVar

import tenacity

from mint_resilience.budget import Budget, current_budget
from mint_resilience.failures import (
    AllUnavailable,
    Deferred,
    Degraded,
    Failure,
    Outage,
    RateLimited,
    Transient,
)
from mint_resilience.retrying import name_of, observer, outcome_of

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
    jitter; the other side's wish may be longer than that. `most_wait` are the seconds that may be
    waited here at all: a failure that asks for more is raised at once, to who waits durably. Set it
    for what is shared, and so runs in nobody's budget. A wish is heeded up to `most_heeded`
    seconds: set it for what is asked without end, and should go on soon after it can.
    """

    attempts: int
    base: float
    rate_limited_attempts: int = RATE_LIMITED_ATTEMPTS
    ceiling: float = 60.0
    most_wait: float = inf
    most_heeded: float = inf
    retried: tuple[type[Failure], ...] = SAME_ENDPOINT

    def attempts_for(self, failure: Failure) -> int:
        """How often an operation that ends in this failure is tried in all.

        `Deferred` goes to who can wait durably: waiting is not trying (NR-3).
        """
        if isinstance(failure, Deferred) or not isinstance(failure, self.retried):
            return 1
        return self.rate_limited_attempts if isinstance(failure, RateLimited) else self.attempts

    def ends(self, failure: Failure, attempt: int, seconds: float) -> bool:
        """Whether this attempt (from 1) was the last one, as the next would be in `seconds`."""
        return attempt >= self.attempts_for(failure) or seconds > self.most_wait


TRANSIENT = Backoff(attempts=3, base=1.0)  # NR-1
# MF-3. An `Outage` is tried again, too: one refused connection does not close the gate.
GATE_IPFS = Backoff(attempts=3, base=IPFS_BASE, retried=(*SAME_ENDPOINT, Outage))
GATE_DATABASE = Backoff(attempts=2, base=DATABASE_BASE, retried=(*SAME_ENDPOINT, Outage))
UPLOAD = Backoff(attempts=5, base=IPFS_BASE)  # MF-4
PENDING_RECORD = Backoff(attempts=3, base=DATABASE_BASE)  # MF-5
SUBMIT = Backoff(attempts=3, base=SOLANA_BASE)  # MF-6
DEADLOCK = Backoff(attempts=2, base=0.0)  # RE-9: at once, once
RECONNECT = Backoff(  # RE-9: 0.5, 1, 2 s; there is no other endpoint to go to
    attempts=4, base=DATABASE_BASE, retried=(*SAME_ENDPOINT, Outage)
)


def wait(attempt: int, base: float, random: Random) -> float:
    """Seconds to wait after attempt number `attempt` (from 1): exponential, with jitter ≤ 10 %."""
    return float(base * 2 ** min(attempt - 1, _DOUBLINGS) * (1 + JITTER * random()))


def wait_after(failure: Failure, attempt: int, policy: Backoff, random: Random) -> float:
    """Seconds to wait after this failure; what the other side asked for is the least, as far as the
    policy heeds that."""
    ours = min(wait(attempt, policy.base, random), wait(1, policy.ceiling, random))
    wish = getattr(failure, "retry_after", None) or 0.0
    return max(ours, min(wish, policy.most_heeded))


async def retry(
    operation: Callable[[], Awaitable[T]],
    policy: Backoff,
    *,
    name: str | None = None,
    on_retry: OnRetry | None = None,
    budget: Budget | None = None,
    sleep: Sleep = asyncio.sleep,
    random: Random = _random.random,
) -> T:
    """Call `operation` until it succeeds, or the policy or the budget has had enough.

    `budget` is by default the one in force (`spending`), if any. What it paid here is refunded when
    in the end nobody may be asked. `name` is what the observer of retries is told, by default the
    operation's own. Raises the last attempt's failure; `BudgetExhausted` when the budget does not
    allow to begin or to go on; anything that is not a `Failure` goes through at once.
    """
    shared = budget or current_budget()
    tab = _Tab(name or name_of(operation), shared, on_retry)

    def seconds(state: tenacity.RetryCallState) -> float:
        return wait_after(_failure(state), state.attempt_number, policy, random)

    def ends(state: tenacity.RetryCallState) -> bool:
        return policy.ends(_failure(state), state.attempt_number, state.upcoming_sleep)

    retrying = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(policy.retried),
        stop=ends,
        wait=seconds,
        before_sleep=tab.pay,
        sleep=sleep,
        reraise=True,
    )

    async def attempt() -> T:  # tenacity awaits only what it sees to be a coroutine function
        return await operation()

    if shared is not None:
        shared.require_time()
    return await tab.settle(retrying(attempt))


@dataclass(slots=True)
class _Tab:
    """What the retries of one operation cost, and who is told of them."""

    operation: str
    budget: Budget | None
    on_retry: OnRetry | None
    retries: int = 0

    def pay(self, state: tenacity.RetryCallState) -> None:
        """Let there be another attempt. Raises `BudgetExhausted`."""
        told = _failure(state), state.attempt_number, state.upcoming_sleep
        if self.budget is not None:
            self.budget.spend(_failure(state), state.upcoming_sleep)
        self.retries += 1
        observer().retried(self.operation, *told)
        if self.on_retry is not None:
            self.on_retry(*told)

    async def settle(self, attempts: Awaitable[T]) -> T:
        """The answer that the attempts lead to; raises what they end in."""
        try:
            answer = await attempts
        except Exception as error:
            if self.budget is not None and isinstance(error, AllUnavailable):
                self.budget.refund(self.retries)
            self._tell(error)
            raise
        self._tell(None)
        return answer

    def _tell(self, error: Exception | None) -> None:
        if self.retries:
            observer().settled(self.operation, outcome_of(error))


def _failure(state: tenacity.RetryCallState) -> Failure:
    """The failure that ended the attempt; tenacity asks only after one of the retried classes."""
    failure = state.outcome.exception() if state.outcome else None
    if not isinstance(failure, Failure):
        raise TypeError(f"tenacity asked about {failure!r}, which is not a failure")
    return failure

"""One step of a record's work, tried again as its failures ask for.

What a record may cost in retries is a budget that the retries inside the handler share (NR-4). Its
clock stands still, and no attempt is counted, while nothing can be tried: an open breaker, or an
endpoint that is not there, is no failure of the record (NR-3).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import structlog

from mint_events.bus import metrics
from mint_events.bus.attempts import (
    BUG,
    GiveUp,
    LookAgain,
    TryAgain,
    Verdict,
    as_failure,
    is_deferred,
    judge,
    kind_of,
)
from mint_events.bus.limits import Limits
from mint_events.bus.recovery import Recovery
from mint_resilience.budget import Budget, spending
from mint_resilience.failures import AllUnavailable, BudgetExhausted

T = TypeVar("T")
Step = Callable[[], Awaitable[T]]

log = structlog.stdlib.get_logger(__name__)


class Pause(Protocol):
    """Waits, as part of a record's work."""

    async def __call__(self, seconds: float, woken: asyncio.Event | None = None) -> None:
        """Wait so many seconds, or until `woken` is set.

        Raises `Abandoned` when the partition is taken away meanwhile.
        """


class Ended(Exception):  # noqa: N818 - an outcome, not an error
    """No further attempt is made now; its cause is the last failure."""

    def __init__(self, attempts: int) -> None:
        super().__init__(attempts)
        self.attempts = attempts

    @property
    def failure(self) -> BaseException:
        """What ended it."""
        return self.__cause__ or self


class GivenUp(Ended):
    """Another attempt would end as this one."""


class Exhausted(Ended):
    """The record has had its share of retries for now."""


class WorkingTime:
    """A clock, in seconds, that stands still while nothing can be tried."""

    def __init__(self) -> None:
        self._idle = 0.0

    def __call__(self) -> float:
        """The time, in seconds from some point."""
        return time.monotonic() - self._idle

    def skip(self, seconds: float) -> None:
        """These seconds were not working time."""
        self._idle += seconds


class Trying:
    """Tries the steps of all records of a consumer."""

    def __init__(self, limits: Limits, pause: Pause, recovery: Recovery) -> None:
        self._limits = limits
        self._pause = pause
        self._recovery = recovery

    async def until_done(self, step: Step[T]) -> T:
        """Try the step for as long as it takes. Raises `GivenUp` for a final failure."""
        return await self._try(step, WorkingTime(), None)

    async def within_budget(self, step: Step[T]) -> T:
        """Try the step within a new budget; raises `Exhausted` when that is spent, or `GivenUp`."""
        clock = WorkingTime()
        limits = self._limits
        budget = Budget(attempts=limits.budget_attempts, seconds=limits.budget_seconds, clock=clock)
        with spending(budget):
            return await self._try(step, clock, budget)

    async def _try(self, step: Step[T], clock: WorkingTime, budget: Budget | None) -> T:
        attempt, looked = 0, False
        while True:
            try:
                return await _uncancelled(step())
            except Exception as error:
                deferred = is_deferred(error)
                attempt += not deferred
                verdict = judge(error, attempt, self._limits, random.random, looked=looked)
                _report(error, attempt, verdict, looked=looked)
                looked = isinstance(error, AllUnavailable)
                if isinstance(verdict, GiveUp):
                    raise GivenUp(attempt) from error
                if isinstance(verdict, TryAgain) and budget is not None:
                    _spend(budget, error, verdict.seconds, attempt)
            await self._wait(verdict, clock)

    async def _wait(self, verdict: TryAgain | LookAgain, clock: WorkingTime) -> None:
        match verdict:
            case TryAgain(seconds):
                with metrics.WAITING.track_inprogress():
                    await self._pause(seconds)
            case LookAgain(seconds):
                began = time.monotonic()
                with metrics.UNAVAILABLE.track_inprogress():
                    await self._pause(seconds, self._recovery.next)
                clock.skip(time.monotonic() - began)


def _spend(budget: Budget, error: Exception, seconds: float, attempts: int) -> None:
    """Pay for the attempt that failed so. Raises `Exhausted` when no further one may be made."""
    if isinstance(error, BudgetExhausted):
        raise Exhausted(attempts) from (error.__cause__ or error)
    try:
        budget.spend(as_failure(error), seconds)
    except BudgetExhausted:
        raise Exhausted(attempts) from error


async def _uncancelled(step: Awaitable[T]) -> T:
    """A cancellation that nobody asked this task for is a bug of the step, not the task's end."""
    try:
        return await step
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise RuntimeError("the handler was cancelled from within") from error


def _report(error: Exception, attempt: int, verdict: Verdict, *, looked: bool) -> None:
    """Tell of the attempt; of waiting for a dependency only when it begins."""
    kind = kind_of(error)
    seconds = None if isinstance(verdict, GiveUp) else verdict.seconds
    if seconds is not None:
        metrics.RETRIES.labels(kind).inc()
    if is_deferred(error):
        tell = log.debug if looked else log.info
        tell("waiting for a dependency", detail=str(error), look_in=seconds)
        return
    log.warning(
        "attempt failed",
        failure=kind,
        detail=str(error),
        attempt=attempt,
        next_in=seconds,
        exc_info=error if kind == BUG else None,
    )

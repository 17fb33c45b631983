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
from dataclasses import dataclass
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
from mint_resilience.retrying import Outcome

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
        history = _History()
        while True:
            began = time.monotonic()
            try:
                answer = await _uncancelled(step())
            except Exception as error:  # noqa: BLE001 - its class says what follows
                verdict = self._verdict(error, history, budget)
            else:
                history.settle(Outcome.HELPED)
                return answer
            await self._wait(verdict, clock, began)

    def _verdict(
        self, error: Exception, history: _History, budget: Budget | None
    ) -> TryAgain | LookAgain:
        """How to go on after an attempt. Raises `GivenUp`, or `Exhausted` by the budget."""
        history.attempts += not is_deferred(error)
        verdict = judge(error, history.attempts, self._limits, random.random, looked=history.looked)
        _report(error, verdict, history)
        history.looked = isinstance(error, AllUnavailable)
        try:
            if isinstance(verdict, GiveUp):
                raise GivenUp(history.attempts) from error
            if isinstance(verdict, TryAgain) and budget is not None:
                _spend(budget, error, verdict.seconds, history.attempts)
        except Ended:
            history.settle(Outcome.FAILED)
            raise
        history.count(error)
        return verdict

    async def _wait(self, verdict: TryAgain | LookAgain, clock: WorkingTime, began: float) -> None:
        """Wait for the next attempt; one that was none, begun at `began`, cost no time either."""
        match verdict:
            case TryAgain(seconds):
                with metrics.WAITING.track_inprogress():
                    await self._pause(seconds)
            case LookAgain(seconds):
                with metrics.UNAVAILABLE.track_inprogress():
                    await self._pause(seconds, self._recovery.next)
                clock.skip(time.monotonic() - began)


@dataclass(slots=True)
class _History:
    """What has come of the attempts at a step so far; `looked`: the last found nobody to ask."""

    attempts: int = 0
    looked: bool = False
    retries: int = 0

    def count(self, error: Exception) -> None:
        """Another attempt is made; after one that was none it is no retry."""
        if not is_deferred(error):
            self.retries += 1
            metrics.RETRIES.labels(kind_of(error)).inc()

    def settle(self, outcome: Outcome) -> None:
        """Say whether the retries helped, if there were any."""
        if self.retries:
            metrics.RETRY_OUTCOMES.labels(outcome).inc()


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


def _report(error: Exception, verdict: Verdict, history: _History) -> None:
    """Tell of the attempt; of waiting for a dependency only when it begins."""
    kind = kind_of(error)
    seconds = None if isinstance(verdict, GiveUp) else verdict.seconds
    told = {"failure": kind, "detail": str(error), "attempt": history.attempts}
    if is_deferred(error):
        tell = log.debug if history.looked else log.info
        tell("waiting for a dependency", **told, look_in=seconds)
        return
    log.warning("attempt failed", **told, next_in=seconds, exc_info=error if kind == BUG else None)

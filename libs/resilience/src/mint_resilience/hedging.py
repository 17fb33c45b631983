"""A call that is late gets another one beside it, at the next endpoint; the first answer counts.

It cuts off the tail of the latencies: one endpoint in fifty that hangs costs a second, not its
time limit. When all endpoints are slow it would only add to their load, so it is done for a share
of all calls.

Source: J. Dean, L. A. Barroso, "The Tail at Scale", 2013 (hedged requests).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Start = Callable[[], Coroutine[Any, Any, T]]
"""Makes a call that may be begun now."""

_BURST = 20.0


class Allowance:
    """How many calls may be made beside late ones: a `share` of all calls, and a few saved up."""

    def __init__(self, share: float, burst: float = _BURST) -> None:
        self._share = share
        self._burst = burst
        self._saved = burst

    @property
    def is_left(self) -> bool:
        """Whether one more call may be made."""
        return self._saved >= 1

    def earn(self) -> None:
        """A call has begun."""
        self._saved = min(self._burst, self._saved + self._share)

    def spend(self) -> None:
        """One more call has been made."""
        self._saved -= 1


@dataclass(frozen=True, slots=True)
class Hedge:
    """When the next one is asked, too: after `late` seconds, if the allowance has it.

    `leaves`: when all others have failed, one that is late is not waited for; how it ends is
    unknown then.
    """

    late: float
    allowance: Allowance
    leaves: bool = False
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set, repr=False)

    def begin(self, start: Start[T]) -> asyncio.Task[T]:
        """Make the call; it goes on to its end also when nobody waits for it any more."""
        task = asyncio.create_task(start())
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever wanted the answer may have another one by now


class NobodyAsked(Exception):  # noqa: N818 - an outcome, not an error
    """There was no call that could be made."""


class Race(Generic[T]):
    """Calls of one operation, each of which may answer for all."""

    def __init__(
        self,
        starts: Iterator[Start[T]],
        hedge: Hedge,
        is_passing: Callable[[BaseException], bool],
    ) -> None:
        """`starts` are made one after the other, each as late as can be; after a failure that
        `is_passing` the next one is made at once."""
        self._starts = starts
        self._hedge = hedge
        self._is_passing = is_passing
        self._running: set[asyncio.Task[T]] = set()
        self._is_more = True
        self._failure: BaseException | None = None

    async def winner(self) -> T:
        """The first answer.

        Raises the first failure that is not passing, else the last one that is, and `NobodyAsked`
        when there was no call to make.
        """
        self._hedge.allowance.earn()
        self._start_next()
        while self._running:
            ended = await self._some_ended()
            for task in ended:
                if not self._has_failed(task):
                    return task.result()
            if not ended and self._is_left_alone:
                break
            self._go_on(at_once=bool(ended))
        raise self._failure or NobodyAsked

    @property
    def _is_left_alone(self) -> bool:
        """Nobody else is to be asked, some have failed, and the rest is late."""
        return self._hedge.leaves and not self._is_more and self._failure is not None

    def _go_on(self, *, at_once: bool) -> None:
        if at_once:
            self._start_next()
        elif self._hedge.allowance.is_left and self._start_next():
            self._hedge.allowance.spend()

    def _start_next(self) -> bool:
        start = next(self._starts, None)
        self._is_more = start is not None
        if start is not None:
            self._running.add(self._hedge.begin(start))
        return self._is_more

    async def _some_ended(self) -> set[asyncio.Task[T]]:
        """Who has ended, nobody if all are late."""
        waits = not self._is_more and not (self._hedge.leaves and self._failure)
        ended, self._running = await asyncio.wait(
            self._running,
            timeout=None if waits else self._hedge.late,
            return_when=asyncio.FIRST_COMPLETED,
        )
        return ended

    def _has_failed(self, task: asyncio.Task[T]) -> bool:
        failure = task.exception()
        if failure is None or not self._is_passing(failure):
            return False
        self._failure = failure
        return True

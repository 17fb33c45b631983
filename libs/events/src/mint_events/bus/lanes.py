"""Work in order for each key and in parallel across keys, with a bound on what is in flight."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterator
from typing import Generic, Protocol, TypeVar

from mint_events.bus.limits import Limits


class Sized(Protocol):
    """An item of work, and how many bytes it holds in memory."""

    @property
    def size(self) -> int:
        """Bytes."""


T = TypeVar("T", bound=Sized)
_CANCEL_SECONDS = 2.0
_GATHER_SECONDS = 0.005


class Abandoned(Exception):  # noqa: N818 - it is no error: the item stays where it came from
    """Raised by work that is given up because the lanes are drained; it does not count as done."""


class Lanes(Generic[T]):
    """One queue for each key that has work, each with a task that works it off.

    `work` is awaited for an item; when it returns, `done` is called with it. When it raises
    `Abandoned` or is cancelled, the item and those behind it are let go without `done`. Any other
    exception is kept and raised by `raise_if_crashed`.
    """

    def __init__(
        self, work: Callable[[T], Awaitable[None]], done: Callable[[T], None], limits: Limits
    ) -> None:
        self._work = work
        self._done = done
        self._limits = limits
        self._queues: dict[Hashable, deque[T]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()
        self._room.set()
        self._crash: BaseException | None = None
        self._draining = asyncio.Event()
        self.in_flight = 0
        self.bytes_in_flight = 0

    @property
    def free(self) -> int:
        """How many more items fit; 0 also when the bytes in flight have reached their limit."""
        if self.bytes_in_flight >= self._limits.max_in_flight_bytes:
            return 0
        return max(0, self._limits.max_in_flight - self.in_flight)

    def items(self) -> Iterator[T]:
        """All items that are in flight."""
        return (item for queue in self._queues.values() for item in queue)

    def submit(self, key: Hashable, item: T) -> None:
        """Queue an item behind those of its key."""
        self._count(1, item.size)
        queue = self._queues.get(key)
        if queue is not None:
            queue.append(item)
            return
        self._queues[key] = deque([item])
        task = asyncio.create_task(self._run(key))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def room(self) -> None:
        """Wait until an item fits, and a moment longer for others when it would be one of few."""
        await self._room.wait()
        if self.free < self._limits.max_in_flight // 4:
            await asyncio.sleep(_GATHER_SECONDS)

    def raise_if_crashed(self) -> None:
        """Raise what `work` or `done` raised and should not have."""
        if self._crash is not None:
            raise self._crash

    async def pause(self, seconds: float, woken: asyncio.Event | None = None) -> None:
        """Wait, as part of an item's work, so long or until `woken` is set.

        Raises `Abandoned` as soon as the lanes are drained.
        """
        events = [self._draining] if woken is None else [self._draining, woken]
        waits = [asyncio.create_task(event.wait()) for event in events]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
        if self._draining.is_set():
            raise Abandoned

    async def drain(self, seconds: float) -> None:
        """Let go what has not begun, give what is in progress `seconds` to finish, then cancel it.

        Work that does not heed its cancellation is left behind; its items are not called done.
        """
        self._draining.set()
        for queue in self._queues.values():
            self._let_go(queue, keep=1)
        await self._ended_within(seconds)
        for task in self._tasks:
            task.cancel()
        await self._ended_within(_CANCEL_SECONDS)
        self._draining.clear()

    async def _ended_within(self, seconds: float) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def _run(self, key: Hashable) -> None:
        queue = self._queues[key]
        try:
            while queue:
                await self._work(queue[0])
                item = queue.popleft()
                self._count(-1, -item.size)
                self._done(item)
        except Abandoned:
            return
        finally:
            self._let_go(queue, keep=0)
            del self._queues[key]

    def _let_go(self, queue: deque[T], keep: int) -> None:
        while len(queue) > keep:
            self._count(-1, -queue.pop().size)

    def _count(self, items: int, size: int) -> None:
        self.in_flight += items
        self.bytes_in_flight += size
        if self.free:
            self._room.set()
        else:
            self._room.clear()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._crash = error
            self._room.set()

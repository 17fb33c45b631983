"""Contents that come one by one, gathered for a short time and then kept together (group commit).

While one batch is worked on the next one gathers: the busier it is, the more go together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from ipfs_uploader.assets import Content
from mint_content.cid import Cid
from mint_resilience.failures import Failure


@dataclass(frozen=True, slots=True)
class Kept:
    """Who keeps a content, the preferred one first; and the folder by whose pin they do, if any."""

    holders: tuple[str, ...]
    folder: Cid | None = None


Outcomes = Mapping[Cid, Kept | Failure]
KeepAll = Callable[[Sequence[Content]], Awaitable[Outcomes]]
"""Keeps contents of different names; says of each what came of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """A batch's contents, the bytes of them together, and for how many seconds it gathers."""

    items: int
    size: int
    seconds: float


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A content, and everybody who waits for it to be kept."""

    content: Content
    waiting: list[asyncio.Future[Kept]] = field(default_factory=list)

    def settle(self, work: asyncio.Task[Outcomes]) -> None:
        for waiting in self.waiting:
            if not waiting.done():
                _settle(waiting, self.content.cid, work)


class Batches:
    """Gathers contents and has them kept, one batch after the other.

    `async with` begins and ends the work; who waits at its end is cancelled.
    """

    def __init__(self, keep_all: KeepAll, limits: BatchLimits) -> None:
        self.limits = limits
        self._keep_all = keep_all
        self._wanted: dict[Cid, _Wanted] = {}
        self._in_work: dict[Cid, _Wanted] = {}
        self._some = asyncio.Event()
        self._enough = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Batches:
        self._worker = asyncio.create_task(self._work(), context=Context())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.wait({self._worker})
        for wanted in (*self._in_work.values(), *self._wanted.values()):
            for waiting in wanted.waiting:
                waiting.cancel()

    async def keep(self, content: Content) -> Kept:
        """Let content be kept with what else comes; raises what came of this one, or of all.

        Who is cancelled while he waits takes nothing from the others.
        """
        waiting: asyncio.Future[Kept] = asyncio.get_running_loop().create_future()
        self._wanted.setdefault(content.cid, _Wanted(content)).waiting.append(waiting)
        self._take_stock()
        return await waiting

    async def _work(self) -> None:
        """Work on batch after batch, in no mint's context: a batch is no mint's own work."""
        while True:
            await self._some.wait()
            await _within(self.limits.seconds, self._enough.wait())
            self._in_work = self._next_batch()
            contents = tuple(wanted.content for wanted in self._in_work.values())
            work = asyncio.create_task(_run(self._keep_all(contents)))
            try:
                await asyncio.wait({work})
            except asyncio.CancelledError:
                work.cancel()
                await asyncio.wait({work})
                raise
            for wanted in self._in_work.values():
                wanted.settle(work)

    def _next_batch(self) -> dict[Cid, _Wanted]:
        """What came first, as much as fits in, and always something."""
        batch: dict[Cid, _Wanted] = {}
        size = 0
        for cid, wanted in tuple(self._wanted.items()):
            size += len(wanted.content.data)
            if batch and (size > self.limits.size or len(batch) == self.limits.items):
                break
            batch[cid] = self._wanted.pop(cid)
        self._take_stock()
        return batch

    def _take_stock(self) -> None:
        size = sum(len(wanted.content.data) for wanted in self._wanted.values())
        enough = len(self._wanted) >= self.limits.items or size >= self.limits.size
        for event, holds in ((self._some, bool(self._wanted)), (self._enough, enough)):
            event.set() if holds else event.clear()


def _settle(waiting: asyncio.Future[Kept], cid: Cid, work: asyncio.Task[Outcomes]) -> None:
    if (error := work.exception()) is not None:
        waiting.set_exception(error)
    elif isinstance(outcome := work.result().get(cid), Kept):
        waiting.set_result(outcome)
    else:
        waiting.set_exception(outcome or RuntimeError(f"nobody says what came of {cid}"))


async def _run(work: Awaitable[Outcomes]) -> Outcomes:
    return await work


async def _within(seconds: float, moment: Awaitable[Any]) -> None:
    """Wait for the moment, or for so many seconds."""
    waiting = asyncio.ensure_future(moment)
    await asyncio.wait({waiting}, timeout=seconds)
    waiting.cancel()

"""Fewer calls for many mints: what is asked at the same moment is asked together, once.

A call that is everybody's is made in nobody's context: no mint's log line or budget bears it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Sequence
from contextvars import Context
from itertools import islice
from math import inf
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Batch(Generic[K, V]):
    """Collects keys for `linger` seconds and fetches up to `size` of them in one call."""

    def __init__(
        self,
        fetch: Callable[[Sequence[K]], Awaitable[Sequence[V]]],
        *,
        size: int,
        linger: float = 0.01,
    ) -> None:
        """`fetch` answers in the order of its keys; its failure is everybody's in that call."""
        self._fetch = fetch
        self._size = size
        self._linger = linger
        self._waiting: dict[K, asyncio.Future[V]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def get(self, key: K) -> V:
        """The value of the key. Raises what the fetch raises."""
        if key not in self._waiting:
            if not self._waiting:
                asyncio.get_running_loop().call_later(self._linger, self._flush)
            self._waiting[key] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._waiting[key])

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, {}
        items = iter(waiting.items())
        while chunk := dict(islice(items, self._size)):
            task = asyncio.create_task(self._settle(chunk), context=Context())
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _settle(self, chunk: dict[K, asyncio.Future[V]]) -> None:
        try:
            values = await self._fetch(list(chunk))
        except Exception as error:  # noqa: BLE001 - handed on to whoever asked
            for future in chunk.values():
                _fail(future, error)
        else:
            for future, value in zip(chunk.values(), values, strict=True):
                future.set_result(value)


def _fail(future: asyncio.Future[V], error: Exception) -> None:
    future.set_exception(error)
    future.exception()  # whoever asked may have been cancelled: then nobody else retrieves it


class Shared(Generic[V]):
    """A value that many need and that is good for some `seconds`; fetched once for all."""

    def __init__(self, fetch: Callable[[], Coroutine[Any, Any, V]], *, seconds: float) -> None:
        self._fetch = fetch
        self._seconds = seconds
        self._fetched_at = -inf
        self._fetching: asyncio.Future[V] | None = None

    async def get(self) -> V:
        """The value, fetched again if it is too old or the last fetch failed.

        Raises what the fetch raises, to everybody who waits for it.
        """
        if self._fetching is None or self._is_old(self._fetching):
            self._fetched_at = asyncio.get_running_loop().time()
            self._fetching = asyncio.create_task(self._fetch(), context=Context())
        return await asyncio.shield(self._fetching)

    def _is_old(self, fetching: asyncio.Future[V]) -> bool:
        if not fetching.done():
            return False
        if fetching.cancelled() or fetching.exception() is not None:
            return True
        return asyncio.get_running_loop().time() - self._fetched_at >= self._seconds

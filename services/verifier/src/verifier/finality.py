"""Waits for transactions to be finalized: one poll for all that wait, whoever they are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from mint_resilience.failures import Failure, Transient
from verifier.checks.solana import TransactionSeen
from verifier.queries import SIGNATURES_PER_CALL


class StatusSource(Protocol):
    """Where the statuses of many signatures come from in one call.

    Its methods raise a `Failure` when nobody answers.
    """

    async def transactions(self, signatures: Sequence[str]) -> dict[str, TransactionSeen]:
        """What the best endpoint that answers knows of each signature."""

    async def every_word(self, signature: str) -> tuple[TransactionSeen, ...]:
        """What each endpoint that answers knows of it."""


class FinalityWatch:
    """Polls every `interval` seconds while anybody waits; `run` it beside those who wait."""

    def __init__(
        self,
        source: StatusSource,
        *,
        interval: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._source = source
        self._interval = interval
        self._sleep = sleep
        self._waiting: dict[str, list[asyncio.Future[TransactionSeen]]] = {}
        self._newest: dict[str, TransactionSeen | Failure] = {}
        self._wanted = asyncio.Event()

    async def seen(self, signature: str, *, within: float) -> tuple[TransactionSeen, ...]:
        """The transaction once it is finalized; after `within` seconds, as it was seen last.

        One endpoint may say that it went well, or that it is on its way; what would fail the mint
        is for every endpoint to say. Raises the last `Failure` when none has answered since.
        """
        first = await self._first_word(signature, within)
        if first.slot is not None and first.error is None:
            return (first,)
        return await self._source.every_word(signature)

    async def _first_word(self, signature: str, within: float) -> TransactionSeen:
        future: asyncio.Future[TransactionSeen] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(signature, []).append(future)
        self._wanted.set()
        try:
            async with asyncio.timeout(within):
                return await future
        except TimeoutError:
            return self._last_seen(signature)
        finally:
            self._leave(signature, future)

    async def run(self) -> None:
        """Poll for ever; cancel it to end it."""
        while True:
            await self._wanted.wait()
            await self.poll()
            await self._sleep(self._interval)

    async def poll(self) -> None:
        """Ask once for all that wait, and tell those whose transaction is finalized."""
        signatures = list(self._waiting)
        for start in range(0, len(signatures), SIGNATURES_PER_CALL):
            part = signatures[start : start + SIGNATURES_PER_CALL]
            for signature, seen in (await self._ask(part)).items():
                self._tell(signature, seen)

    async def _ask(self, signatures: Sequence[str]) -> dict[str, TransactionSeen]:
        """What was answered; nothing when nobody answers."""
        try:
            return await self._source.transactions(signatures)
        except Failure as failure:
            self._newest.update(dict.fromkeys(signatures, failure))
        return {}

    def _tell(self, signature: str, seen: TransactionSeen) -> None:
        self._newest[signature] = seen
        if seen.finalized:
            for future in self._waiting.get(signature, ()):
                if not future.done():
                    future.set_result(seen)

    def _last_seen(self, signature: str) -> TransactionSeen:
        newest = self._newest.get(signature)
        if isinstance(newest, TransactionSeen):
            return newest
        raise newest or Transient(f"no endpoint was asked for {signature} in time")

    def _leave(self, signature: str, future: asyncio.Future[TransactionSeen]) -> None:
        others = self._waiting[signature]
        others.remove(future)
        if not others:
            del self._waiting[signature]
            self._newest.pop(signature, None)
        if not self._waiting:
            self._wanted.clear()

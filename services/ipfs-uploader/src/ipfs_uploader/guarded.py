"""Providers behind breakers: who keeps failing is left alone for a while (NR-2, NR-3)."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from math import inf
from typing import TypeVar

from ipfs_uploader.assets import Content
from ipfs_uploader.folder import Folder
from ipfs_uploader.provider import Provider, Usage
from mint_content.cid import Cid
from mint_resilience.breaker import BreakerPolicy
from mint_resilience.endpoint import (
    PAUSE_AFTER_RATE_LIMIT,
    Endpoint,
    GuardedEndpoint,
    Observer,
)
from mint_resilience.endpoints import EndpointPool
from mint_resilience.failures import AllUnavailable, RateLimited

T = TypeVar("T")

_PATIENCE = 1.0
"""Seconds that a call waits for its provider's rate rather than to be put off."""


class Guarded:
    """One provider, asked only while its breaker lets calls through.

    Its methods do what the provider's do; they raise `AllUnavailable` when it was not asked.
    """

    def __init__(self, endpoint: GuardedEndpoint[Provider]) -> None:
        self._endpoint = endpoint
        self.name = endpoint.name
        self.takes_bytes = endpoint.target.takes_bytes

    async def ensure(self, content: Content | Folder) -> None:
        """Let it keep the content, unless it does already."""

        async def operation(provider: Provider) -> None:
            if not await provider.holds(content.cid):
                await provider.keep(content)

        await self._call(operation)

    async def holds(self, cid: Cid) -> bool:
        """Whether it keeps this content for us."""
        return await self._call(lambda provider: provider.holds(cid))

    async def adopt(self, cid: Cid, name: str) -> None:
        """Ask it to look for content and keep it."""
        await self._call(lambda provider: provider.adopt(cid, name))

    async def unpin(self, cid: Cid) -> None:
        """Let it no longer keep the content."""
        await self._call(lambda provider: provider.unpin(cid))

    async def check(self) -> Usage:
        """Ask whether it is there, whatever its breaker says.

        Raises `RateLimited`, without asking, for as long as it has asked to be left alone.
        """
        self._require_leave()
        try:
            return await self._endpoint.target.check()
        except RateLimited as failure:
            wish = failure.retry_after
            self._endpoint.bucket.pause(PAUSE_AFTER_RATE_LIMIT if wish is None else wish)
            raise

    def _require_leave(self) -> None:
        wait = self._endpoint.bucket.wait()
        if wait > 0:
            message = f"{self.name} wants fewer calls; it may be asked in {wait:.0f} s"
            raise RateLimited(message, endpoint=self.name, retry_after=wait)

    async def _call(self, operation: Callable[[Provider], Awaitable[T]]) -> T:
        permit = self._endpoint.admit(_PATIENCE)
        if permit is None:
            raise self._put_off()
        return await self._endpoint.call(permit, operation)

    def _put_off(self) -> AllUnavailable:
        wait = self._endpoint.wait(_PATIENCE)
        message = f"{self.name} keeps failing or is at its limit; it may be asked in {wait:.0f} s"
        known = None if wait == inf else wait
        return AllUnavailable(message, endpoint=self.name, retry_after=known)


def guarded(
    providers: Sequence[Provider],
    *,
    breaker: BreakerPolicy | None = None,
    observer: Observer | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Guarded, ...]:
    """Put each provider behind a breaker of its own; the order, which is of preference, stays.

    Raises `ValueError` when two have the same name.
    """
    pool: EndpointPool[Provider] = EndpointPool(
        "ipfs-provider",
        [
            Endpoint(name=provider.name, target=provider, priority=place)
            for place, provider in enumerate(providers)
        ],
        clock=clock,
        policy=breaker,
        observer=observer,
        time_limit=None,  # the HTTP client's own holds: an upload takes as long as it is large
    )
    return tuple(Guarded(pool.endpoint(provider.name)) for provider in providers)

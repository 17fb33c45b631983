"""Content onto IPFS for certain: on as many providers as is wanted, and back through a gateway.

Each provider is asked for the CID before it is given bytes, so doing it again uploads nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog

from ipfs_uploader.assets import Content
from ipfs_uploader.folder import Folder
from ipfs_uploader.guarded import Guarded
from mint_content.cache import ContentCache, MemoryCache
from mint_content.cid import Cid
from mint_content.gateway import GatewayPool, NotRetrieved
from mint_content.source import ContentSource, LocalCopies
from mint_events.catalogue import PinnedAsset
from mint_resilience.backoff import Backoff, retry
from mint_resilience.failpoints import Boundary, reach
from mint_resilience.failures import (
    AllUnavailable,
    BudgetExhausted,
    Deferred,
    Failure,
    Outage,
    Permanent,
    Transient,
)
from mint_runtime.logs import told

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pinning:
    """Providers in order of preference, the gateways, and how often each is tried.

    `replicas` is on how many providers content is to be; one is enough for a mint to go on, the
    others are then made up for later (`repinning`). `cache` and `local` serve who needs bytes; that
    content came back from IPFS is shown by the gateways alone.
    """

    providers: tuple[Guarded, ...]
    gateways: GatewayPool
    policy: Backoff
    replicas: int = 1
    cache: ContentCache = field(default_factory=lambda: MemoryCache(0))
    local: LocalCopies | None = None

    @property
    def preferred(self) -> tuple[Guarded, ...]:
        """The providers that are to hold everything."""
        return self.providers[: self.replicas]

    async def pin(self, content: Content) -> PinnedAsset:
        """Put content on IPFS and see it come back (IP-2, IP-3, MF-4).

        Raises `Permanent` when every provider refuses it finally, else `Transient`.
        """
        reach(Boundary.PINNING_BEGUN)
        holders = await self.keep(content)
        reach(Boundary.PINNING_KEPT)
        await self.retrieve(content.cid)
        reach(Boundary.PINNING_READ_BACK)
        return content.pinned_by(holders)

    async def fetch(self, cid: Cid) -> bytes:
        """Content by its name alone, checked by hash, from the nearest place that has it.

        Raises `Permanent` when all gateways refuse it finally, else `Transient`.
        """
        source = ContentSource(self.gateways, self.cache, self.local)
        try:
            return await retry(partial(source.fetch, cid), self.policy, on_retry=_report)
        except NotRetrieved as failure:
            if failure.final:
                raise Permanent(str(failure)) from failure
            raise

    async def unpin(self, cid: Cid) -> None:
        """Let no provider keep the content; raises the failure of the first that could not."""
        for provider in self.providers:
            await retry(partial(provider.unpin, cid), self.policy, on_retry=_report)

    async def ensure(self, provider: Guarded, content: Content | Folder) -> None:
        """Let one provider keep the content; raises its failure."""
        operation = partial(provider.ensure, content)
        try:
            await retry(operation, self.policy, on_retry=_report)
        except (Outage, Permanent, Deferred):
            raise
        except Failure:
            # The last reply may have been lost after its effect: ask before going elsewhere.
            if not await provider.holds(content.cid):
                raise

    async def keep(
        self, content: Content | Folder, *, unless: tuple[type[Failure], ...] = ()
    ) -> tuple[str, ...]:
        """Let as many providers keep it as is wanted; the names of those who do, preferred first.

        Raises the first failure that is one of `unless`; `Permanent` when every provider refuses it
        finally, else `Transient`.
        """
        holders: list[str] = []
        failures: list[Failure] = []
        waiting = list(self.providers)
        while len(holders) < self.replicas and (provider := _next(waiting, holders)):
            waiting.remove(provider)
            try:
                await self.ensure(provider, content)
            except Failure as failure:
                log.warning("provider failed", provider=provider.name, **told(failure))
                if isinstance(failure, unless):
                    raise
                failures.append(failure)
            else:
                holders.append(provider.name)
        if not holders:
            raise _no_provider(content, failures)
        return tuple(p.name for p in self.providers if p.name in holders)

    async def holders(self, cid: Cid) -> tuple[str, ...]:
        """The names of those who say that they keep it, as many as are wanted, preferred first.

        Who can not be asked is left out.
        """
        holders: list[str] = []
        for provider in self.providers:
            if len(holders) < self.replicas and await self._says_to_hold(provider, cid):
                holders.append(provider.name)
        return tuple(holders)

    async def _says_to_hold(self, provider: Guarded, cid: Cid) -> bool:
        try:
            return await retry(partial(provider.holds, cid), self.policy, on_retry=_report)
        except Failure as failure:
            log.warning("provider not asked", provider=provider.name, **told(failure))
            return False

    async def retrieve(self, cid: Cid) -> None:
        """See content come back through a gateway; raises the gateways' failure."""
        await retry(partial(self.gateways.fetch, cid), self.policy, on_retry=_report)


def _next(waiting: Sequence[Guarded], holders: Sequence[str]) -> Guarded | None:
    """Who is to be given the content next: who needs another holder waits until there is one."""
    return next((p for p in waiting if p.takes_bytes or holders), None)


def _no_provider(content: Content | Folder, failures: Sequence[Failure]) -> Failure:
    """By those who did not refuse finally: while nobody is there, waiting costs nothing."""
    told = "; ".join(map(str, failures)) or "no provider is set"
    message = f"no provider keeps {content.name} ({content.cid}): {told}"
    passing = [failure for failure in failures if not isinstance(failure, Permanent)]
    if failures and not passing:
        return Permanent(message)
    if any(isinstance(failure, BudgetExhausted) for failure in passing):
        return BudgetExhausted(message)
    waits = [f.retry_after for f in passing if isinstance(f, Deferred)]
    if passing and len(waits) == len(passing):
        return AllUnavailable(message, retry_after=min((w for w in waits if w), default=None))
    nobody_there = passing and all(isinstance(f, Deferred | Outage) for f in passing)
    return Outage(message) if nobody_there else Transient(message)


def _report(failure: Failure, attempt: int, seconds: float) -> None:
    log.warning("retrying", attempt=attempt, wait_seconds=round(seconds, 3), **told(failure))

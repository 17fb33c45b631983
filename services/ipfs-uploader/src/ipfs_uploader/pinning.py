"""Content onto IPFS for certain: on the first provider that keeps it, and back through a gateway.

Each provider is asked for the CID before it is given bytes, so doing it again uploads nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import structlog

from ipfs_uploader.assets import Content
from ipfs_uploader.provider import Provider
from mint_content.cid import Cid
from mint_content.gateway import GatewayPool, NotRetrieved, Retrieval
from mint_events.catalogue import PinnedAsset
from mint_resilience.backoff import Backoff, retry
from mint_resilience.failpoints import Boundary, reach
from mint_resilience.failures import Failure, Outage, Permanent, Transient

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pinning:
    """Providers in order of preference, the gateways, and how often each is tried."""

    providers: tuple[Provider, ...]
    gateways: GatewayPool
    policy: Backoff

    async def pin(self, content: Content) -> PinnedAsset:
        """Put content on IPFS and see it come back (IP-2, IP-3, MF-4).

        Raises `Permanent` when every provider refuses it finally, else `Transient`.
        """
        reach(Boundary.PINNING_BEGUN)
        provider = await self._keep(content)
        reach(Boundary.PINNING_KEPT)
        await self._retrieve(content.cid)
        reach(Boundary.PINNING_READ_BACK)
        return content.pinned_by((provider.name,))

    async def fetch(self, cid: Cid) -> bytes:
        """Content by its name alone, checked by hash.

        Raises `Permanent` when all gateways refuse it finally, else `Transient`.
        """
        try:
            return (await self._retrieve(cid)).data
        except NotRetrieved as failure:
            raise (Permanent(str(failure)) if failure.final else failure) from failure

    async def unpin(self, cid: Cid) -> None:
        """Let no provider keep the content; raises the failure of the first that could not."""
        for provider in self.providers:
            await retry(partial(provider.unpin, cid), self.policy, on_retry=_report)

    async def unreachable(self) -> str | None:
        """None when any provider is there and lets us in, else what is wrong with each."""
        failures: list[Failure] = []
        for provider in self.providers:
            try:
                await provider.check()
            except Failure as failure:
                failures.append(failure)
            else:
                return None
        return "; ".join(map(str, failures))

    async def _keep(self, content: Content) -> Provider:
        failures: list[Failure] = []
        for provider in self.providers:
            try:
                await self._ensure(provider, content)
            except Failure as failure:
                log.warning("provider failed", provider=provider.name, **_told(failure))
                failures.append(failure)
            else:
                return provider
        raise _no_provider(content, failures)

    async def _ensure(self, provider: Provider, content: Content) -> None:
        async def attempt() -> None:
            if not await provider.holds(content.cid):
                await provider.upload(content)

        try:
            await retry(attempt, self.policy, on_retry=_report)
        except (Outage, Permanent):
            raise
        except Failure:
            # The last reply may have been lost after its effect: ask before going elsewhere.
            if not await provider.holds(content.cid):
                raise

    async def _retrieve(self, cid: Cid) -> Retrieval:
        return await retry(partial(self.gateways.fetch, cid), self.policy, on_retry=_report)


def _no_provider(content: Content, failures: list[Failure]) -> Failure:
    told = "; ".join(map(str, failures)) or "no provider is set"
    message = f"no provider keeps {content.name} ({content.cid}): {told}"
    final = failures and all(isinstance(failure, Permanent) for failure in failures)
    return Permanent(message) if final else Transient(message)


def _report(failure: Failure, attempt: int, seconds: float) -> None:
    log.warning("retrying", attempt=attempt, wait_seconds=round(seconds, 3), **_told(failure))


def _told(failure: Failure) -> dict[str, str | None]:
    return {"failure": failure.kind, "endpoint": failure.endpoint, "detail": str(failure)}

"""Is IPFS there for a mint? Whom can we reach and log in to, and is there room (MF-3).

A look has a deadline, so that what it finds is not old when it is told; who has not answered by
then is not well. A provider that wants fewer calls is there: it is left alone for as long as it
says, and counts as well meanwhile, for it will take the uploads that wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import structlog

from ipfs_uploader.guarded import Guarded
from ipfs_uploader.provider import Usage
from mint_resilience.backoff import GATE_IPFS, Backoff, retry
from mint_resilience.failures import Degraded, Failure, Outage, RateLimited
from mint_runtime.logs import told

_SECONDS_UNTIL_WELL = 2.0
"""Between two looks while the layer is down: mints wait for the one that finds it well."""

Tell = Callable[[str | None], None]

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ProviderHealth:
    """One provider, and what is wrong with it, if anything."""

    name: str
    takes_bytes: bool
    fault: Failure | None


@dataclass(frozen=True, slots=True)
class LayerHealth:
    """The IPFS layer as a whole."""

    providers: tuple[ProviderHealth, ...]

    @property
    def fault(self) -> str | None:
        """None when some provider takes content, else what is wrong with each."""
        if any(p.takes_bytes and p.fault is None for p in self.providers):
            return None
        faults = "; ".join(str(p.fault) for p in self.providers if p.fault)
        return faults or "no provider takes bytes"


async def layer_health(
    providers: Sequence[Guarded], policy: Backoff = GATE_IPFS, *, deadline: float
) -> LayerHealth:
    """Ask all at the same time, as often as the policy says, for `deadline` seconds at most."""
    looks = (_look(provider, policy, deadline) for provider in providers)
    return LayerHealth(tuple(await asyncio.gather(*looks)))


async def _look(provider: Guarded, policy: Backoff, deadline: float) -> ProviderHealth:
    fault: Failure | None
    try:
        async with asyncio.timeout(deadline):
            patience = replace(policy, most_wait=deadline / 2)
            fault = _too_full(provider, await retry(partial(_ask, provider), patience))
    except TimeoutError:
        message = f"{provider.name}: no answer within {deadline:g} s"
        fault = Degraded(message, endpoint=provider.name)
    except Failure as failure:
        fault = failure
    return ProviderHealth(provider.name, provider.takes_bytes, fault)


async def _ask(provider: Guarded) -> Usage:
    """How full it is; that is not known of one that wants fewer calls."""
    try:
        return await provider.check()
    except RateLimited as patience:
        log.info("provider wants fewer calls", provider=provider.name, **told(patience))
        return Usage()


def _too_full(provider: Guarded, usage: Usage) -> Failure | None:
    if not usage.full:
        return None
    message = f"{usage.used} of {usage.limit} bytes are used; free some, or buy more"
    return Outage(f"{provider.name}: {message}", endpoint=provider.name)


class HealthWatch:
    """Looks from time to time, so that a probe has its answer at once and costs no call."""

    def __init__(
        self, look: Callable[[], Awaitable[LayerHealth]], tell: Tell, *, seconds: float
    ) -> None:
        """Look every so many seconds, while it is not well more often; `tell` what is found."""
        self._look = look
        self._tell = tell
        self._seconds = seconds
        self._latest: LayerHealth | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Look until told to stop."""
        stopping = asyncio.create_task(stop.wait())
        while not stop.is_set():
            looking = asyncio.ensure_future(self._look())
            await asyncio.wait({stopping, looking}, return_when=asyncio.FIRST_COMPLETED)
            if not looking.done():
                looking.cancel()
                break
            self._remember(looking.result())
            await asyncio.wait({stopping}, timeout=self._pause)
        stopping.cancel()

    async def readiness(self) -> str | None:
        """What `/readyz` asks: None when mints can be pinned, else why not."""
        return "the providers are being asked" if self._latest is None else self._latest.fault

    def _remember(self, health: LayerHealth) -> None:
        for provider in health.providers:
            if provider.fault is not None:
                log.warning("provider is not well", provider=provider.name, **told(provider.fault))
        self._latest = health
        self._tell(health.fault)

    @property
    def _pause(self) -> float:
        well = self._latest is not None and self._latest.fault is None
        return self._seconds if well else min(self._seconds, _SECONDS_UNTIL_WELL)


def watch(
    providers: Sequence[Guarded], tell: Tell, *, seconds: float, deadline: float
) -> HealthWatch:
    """Watch these providers, by MF-3's number of attempts; `tell` what is found.

    `deadline` is for how many seconds a look may last.
    """
    return HealthWatch(partial(layer_health, providers, deadline=deadline), tell, seconds=seconds)

"""The return path: content goes to the preferred providers that it is missing on (IP-3).

After an outage only a backup may hold it. The work waits in a delay topic, so it outlives the
process; it is done beside the mints, a few at a time, and each piece of it ends in an event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog
from prometheus_client import Counter, Gauge

from ipfs_uploader.assets import Content
from ipfs_uploader.guarded import Guarded
from ipfs_uploader.pinning import Pinning
from mint_content.cid import Cid
from mint_events.bus import Wait
from mint_events.catalogue import AssetsPinned, AssetsRepinned, PinnedAsset, RepinDue
from mint_resilience.failures import Failure
from mint_runtime.logs import told

log = structlog.stdlib.get_logger(__name__)

REPINS = Counter(
    "trimint_ipfs_repins_total",
    "Rounds of putting a mint's content where it was missing, by what they led to",
    ["outcome"],
)
REPINS_IN_PROGRESS = Gauge(
    "trimint_ipfs_repins_in_progress", "Mints whose content is being put back now"
)

DONE, LATER, GONE = "done", "later", "gone"


@dataclass(frozen=True, slots=True)
class Round:
    """What a round of work has come to: what changed, and what is still to be done."""

    repinned: AssetsRepinned | None
    due: RepinDue | None


@dataclass(frozen=True, slots=True)
class Repinning:
    """Puts content back; `waits` are those before each round, the last one is for all after."""

    pinning: Pinning
    waits: Sequence[Wait]

    def wait(self, due: RepinDue) -> Wait:
        """How long to wait before this round."""
        return self.waits[min(due.round, len(self.waits) - 1)]

    def due_after(self, pinned: AssetsPinned) -> RepinDue | None:
        """What is to be done about content that was just pinned; None when all hold it."""
        due = RepinDue(
            mint_id=pinned.mint_id,
            image=pinned.image,
            metadata=pinned.metadata,
            round=0,
            animation=pinned.animation,
        )
        return due if self._any_missing(due) else None

    async def work(self, due: RepinDue) -> Round:
        """Do one round; a provider that can not be asked is left for the next one."""
        with REPINS_IN_PROGRESS.track_inprogress():
            now = await self._all_put_back(due)
        if not all(asset.providers for asset in _assets(now)):
            # Nobody holds it any more: it was unpinned meanwhile, and is to stay so.
            return self._ended(GONE, Round(None, None))
        repinned = None if _assets(now) == _assets(due) else _repinned(now)
        missing = self._any_missing(now)
        following = replace(now, round=due.round + 1) if missing else None
        return self._ended(LATER if missing else DONE, Round(repinned, following))

    async def _all_put_back(self, due: RepinDue) -> RepinDue:
        """The same with those who hold each asset after this."""
        animation = due.animation
        return replace(
            due,
            image=await self._put_back(due.image, f"{due.mint_id}.image"),
            metadata=await self._put_back(due.metadata, f"{due.mint_id}.json"),
            animation=animation and await self._put_back(animation, f"{due.mint_id}.animation"),
        )

    def _ended(self, outcome: str, result: Round) -> Round:
        REPINS.labels(outcome).inc()
        log.info("content put back", outcome=outcome)
        return result

    def _any_missing(self, due: RepinDue) -> bool:
        return any(self._missing(asset) for asset in _assets(due))

    def _missing(self, asset: PinnedAsset) -> list[Guarded]:
        return [p for p in self.pinning.preferred if p.name not in asset.providers]

    async def _put_back(self, asset: PinnedAsset, name: str) -> PinnedAsset:
        """The asset with those who hold it after this."""
        asset = replace(asset, providers=await self._holders(asset))
        missing = self._missing(asset)
        if not asset.providers or not missing:
            return asset
        content = await self._content(asset, name)
        holders = {*asset.providers}
        for provider in missing:
            if await self._give(provider, content, Cid.parse(asset.cid), name):
                holders.add(provider.name)
        return replace(asset, providers=self._ordered(holders))

    async def _holders(self, asset: PinnedAsset) -> tuple[str, ...]:
        """Who holds it; of one that does not answer, what was last known."""
        holders: set[str] = set()
        for provider in self.pinning.providers:
            try:
                held = await _holds(provider, asset)
            except Failure as failure:
                log.warning("provider not asked", provider=provider.name, **told(failure))
                held = provider.name in asset.providers
            if held:
                holders.add(provider.name)
        return self._ordered(holders)

    async def _content(self, asset: PinnedAsset, name: str) -> Content | None:
        """The content from the gateways; None when they do not have it now."""
        cid = Cid.parse(asset.cid)
        try:
            data = await self.pinning.fetch(cid)
        except Failure as failure:
            log.warning("content not retrieved", cid=asset.cid, **told(failure))
            return None
        return Content(name, asset.media_type, data, cid)

    async def _give(self, provider: Guarded, content: Content | None, cid: Cid, name: str) -> bool:
        """Let a provider keep it; without its bytes, let it look for them by itself."""
        try:
            if content is None:
                await provider.adopt(cid, name)
                return False
            await self.pinning.ensure(provider, content)
        except Failure as failure:
            log.warning("content not put back", provider=provider.name, **told(failure))
            return False
        return True

    def _ordered(self, names: set[str]) -> tuple[str, ...]:
        return tuple(p.name for p in self.pinning.providers if p.name in names)


def _assets(due: RepinDue) -> tuple[PinnedAsset, ...]:
    return (due.image, due.metadata, *((due.animation,) if due.animation else ()))


def _repinned(due: RepinDue) -> AssetsRepinned:
    return AssetsRepinned(
        mint_id=due.mint_id, image=due.image, metadata=due.metadata, animation=due.animation
    )


async def _holds(provider: Guarded, asset: PinnedAsset) -> bool:
    """Whether the provider keeps the content, by a pin of its own or of its folder."""
    if await provider.holds(Cid.parse(asset.cid)):
        return True
    return asset.folder is not None and await provider.holds(Cid.parse(asset.folder))

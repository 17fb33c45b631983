"""The shell: an event in, what was done on IPFS out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from ipfs_uploader.assets import Assets, Content, metadata_content
from ipfs_uploader.claims import SOURCE, Claims
from ipfs_uploader.pinning import Pinning
from ipfs_uploader.repinning import Repinning
from ipfs_uploader.upstream_media import MediaLater, UpstreamMedia
from mint_content.cid import Cid
from mint_events.bus import Delay, Output, Publish, Tombstone, Wait
from mint_events.catalogue import (
    AssetPinFailed,
    AssetsPinned,
    AssetsUnpinned,
    Event,
    MintAccepted,
    MintFailed,
    MintRequested,
    PinnedAsset,
    RepinDue,
    UnpinRequested,
)
from mint_events.envelope import Envelope, Received, caused_by
from mint_events.topics import CLAIMS
from mint_resilience.failures import Failure, Permanent

SERVICE = SOURCE
"""The service's name: of its consumer group, and as the source of its events."""

Outputs = Sequence[Output]


class Pinner(Protocol):
    """Puts content on IPFS: by itself, or with that of other mints."""

    async def pin(self, content: Content) -> PinnedAsset:
        """Pin it and see it come back; raises `Permanent` when that can not be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploader:
    """Answers the events that concern IPFS; media that are not there yet wait `media_retry`."""

    pinner: Pinner
    pinning: Pinning
    media: UpstreamMedia
    claims: Claims
    repinning: Repinning
    media_retry: Wait
    now: Callable[[], datetime]

    async def handle(self, received: Received) -> Outputs:
        """Do what the event asks for and say what was done.

        Raises a failure when it may work later: the event is then to be given again.
        """
        cause = received.envelope
        match cause.event:
            case MintAccepted() as accepted:
                return await self._accept(received, accepted)
            case UnpinRequested() as request:
                return await self._unpin(cause, request)
            case MintFailed(mint_id=mint_id):
                return (Tombstone(CLAIMS, mint_id),)
            case RepinDue() as due:
                return await self._repin(cause, due)
            case _:
                return ()

    async def _accept(self, received: Received, accepted: MintAccepted) -> Outputs:
        cause, request = received.envelope, accepted.request
        try:
            assets = await self._assets(request, age=self.now() - cause.time)
        except MediaLater:
            return (Delay(received, self.media_retry),)
        except Permanent as failure:
            return (self._publish(cause, _failed(request.mint_id, failure)),)
        await self.claims.claim(cause, [str(content.cid) for content in assets.all])
        return self._told(cause, await self._pin(request.mint_id, assets))

    async def _assets(self, request: MintRequested, *, age: timedelta) -> Assets:
        image = await self.media.image(request, age=age)
        animation = await self.media.animation(request, age=age)
        return Assets(image, metadata_content(request, image, animation), animation)

    async def _pin(self, mint_id: str, assets: Assets) -> AssetsPinned | AssetPinFailed:
        """Pin all at the same time: their names are known beforehand."""
        outcomes = await asyncio.gather(*map(self._try, assets.all))
        pinned = [outcome for outcome in outcomes if isinstance(outcome, PinnedAsset)]
        if len(pinned) < len(outcomes):
            return _failed_or_raise(mint_id, outcomes)
        image, metadata, *animation = pinned
        return AssetsPinned(
            mint_id=mint_id,
            image=image,
            metadata=metadata,
            metadata_json=assets.metadata.data,
            animation=next(iter(animation), None),
        )

    async def _try(self, content: Content) -> PinnedAsset | Failure:
        try:
            return await self.pinner.pin(content)
        except Failure as failure:
            return failure

    def _told(self, cause: Envelope, answer: AssetsPinned | AssetPinFailed) -> Outputs:
        told = self._publish(cause, answer)
        due = self.repinning.due_after(answer) if isinstance(answer, AssetsPinned) else None
        return (told,) if due is None else (told, self._later(cause, due))

    async def _unpin(self, cause: Envelope, request: UnpinRequested) -> Outputs:
        for text in request.cids:
            Cid.parse(text)  # what is no name is refused before anything is unpinned
        kept = await self.claims.release(
            cause, request.cids, lambda text: self.pinning.unpin(Cid.parse(text))
        )
        answer = AssetsUnpinned(mint_id=request.mint_id, cids=request.cids, kept=kept)
        return (self._publish(cause, answer),)

    async def _repin(self, cause: Envelope, due: RepinDue) -> Outputs:
        result = await self.repinning.work(due)
        told = (self._publish(cause, result.repinned),) if result.repinned else ()
        later = (self._later(cause, result.due),) if result.due else ()
        return (*told, *later)

    def _publish(self, cause: Envelope, event: Event) -> Publish:
        return Publish(caused_by(cause, event, source=SERVICE, time=self.now()))

    def _later(self, cause: Envelope, due: RepinDue) -> Delay:
        envelope = caused_by(cause, due, source=SERVICE, time=self.now())
        return Delay(envelope, self.repinning.wait(due))


def _failed_or_raise(mint_id: str, outcomes: Sequence[PinnedAsset | Failure]) -> AssetPinFailed:
    """Raise what may work later; what is final becomes an event."""
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    for failure in failures:
        if not isinstance(failure, Permanent):
            raise failure
    pinned = tuple(outcome for outcome in outcomes if isinstance(outcome, PinnedAsset))
    return _failed(mint_id, failures[0], pinned)


def _failed(mint_id: str, failure: Failure, pinned: tuple[PinnedAsset, ...] = ()) -> AssetPinFailed:
    return AssetPinFailed(mint_id=mint_id, failure=failure.kind, detail=str(failure), pinned=pinned)

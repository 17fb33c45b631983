"""The shell: an event in, what was done on IPFS out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ipfs_uploader.assets import Content, image_content, metadata_content
from ipfs_uploader.pinning import Pinning
from mint_content.cid import Cid
from mint_events.bus import Output, Publish
from mint_events.catalogue import (
    AssetPinFailed,
    AssetsPinned,
    AssetsUnpinned,
    Event,
    MintAccepted,
    MintRequested,
    PinnedAsset,
    UnpinRequested,
)
from mint_events.envelope import Received, caused_by
from mint_resilience.failures import Failure, Permanent

SERVICE = "ipfs-uploader"
"""The service's name: of its consumer group, and as the source of its events."""

Answer = AssetsPinned | AssetPinFailed | AssetsUnpinned


@dataclass(frozen=True, slots=True)
class Uploader:
    """Answers the events of the ledger that concern IPFS; `image_limit` is in bytes."""

    pinning: Pinning
    image_limit: int
    now: Callable[[], datetime]

    async def handle(self, received: Received) -> Sequence[Output]:
        """Work on one record; raises as `answer` does."""
        cause = received.envelope
        answer = await self.answer(cause.event)
        if answer is None:
            return ()
        return (Publish(caused_by(cause, answer, source=SERVICE, time=self.now())),)

    async def answer(self, event: Event) -> Answer | None:
        """Do what the event asks for and say what was done; None for an event of no concern.

        Raises a failure that is not `Permanent` when it may work later: the event is then to be
        given again.
        """
        match event:
            case MintAccepted():
                return await self._pin_assets(event.request)
            case UnpinRequested():
                return await self._unpin(event)
            case _:
                return None

    async def _pin_assets(self, request: MintRequested) -> AssetsPinned | AssetPinFailed:
        try:
            image = await self._image(request)
            metadata = metadata_content(request, image)
        except Permanent as failure:
            return _failed(request.mint_id, failure)
        return await self._pin_both(request.mint_id, image, metadata)

    async def _image(self, request: MintRequested) -> Content:
        """The image of a request, given inline or by an IPFS address.

        It is pinned under our own CID of its bytes, whatever version the address has.
        """
        if request.image is not None:
            data = request.image
        elif request.image_uri is not None:
            data = await self.pinning.fetch(Cid.from_uri(request.image_uri))
        else:
            raise Permanent("the request has neither image nor image_uri")
        return image_content(request.mint_id, data, self.image_limit)

    async def _pin_both(
        self, mint_id: str, image: Content, metadata: Content
    ) -> AssetsPinned | AssetPinFailed:
        """Pin both at the same time: their names are known beforehand."""
        outcomes = await asyncio.gather(self._try(image), self._try(metadata))
        match outcomes:
            case [PinnedAsset() as pinned_image, PinnedAsset() as pinned_metadata]:
                return AssetsPinned(
                    mint_id=mint_id,
                    image=pinned_image,
                    metadata=pinned_metadata,
                    metadata_json=metadata.data,
                )
            case _:
                return _failed_or_raise(mint_id, outcomes)

    async def _try(self, content: Content) -> PinnedAsset | Failure:
        try:
            return await self.pinning.pin(content)
        except Failure as failure:
            return failure

    async def _unpin(self, event: UnpinRequested) -> AssetsUnpinned:
        for cid in event.cids:
            await self.pinning.unpin(Cid.parse(cid))
        return AssetsUnpinned(mint_id=event.mint_id, cids=event.cids)


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

"""What is put on IPFS for one mint: its media and its metadata document, named before any upload.

Pure: the same request and media give the same bytes, and so the same CIDs.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from mint_content import metadata
from mint_content.accepted import AcceptedMedia
from mint_content.car import write_car
from mint_content.cid import Cid
from mint_content.media import extension, media_type
from mint_content.unixfs import blocks_of, cid_of
from mint_events.catalogue import MintRequested, PinnedAsset
from mint_resilience.failures import Permanent


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes on their way to IPFS: the name they are listed under, their media type, their CID."""

    name: str
    media_type: str
    data: bytes
    cid: Cid

    def archive(self) -> bytes:
        """Its blocks as a CAR, which nobody cuts anew."""
        return write_car([self.cid], blocks_of(self.data))

    def pinned_by(self, providers: tuple[str, ...], folder: Cid | None = None) -> PinnedAsset:
        """The record that these bytes are on IPFS, by a pin of their own or of a folder's."""
        return PinnedAsset(
            cid=str(self.cid),
            uri=self.cid.uri,
            media_type=self.media_type,
            size=len(self.data),
            sha256=sha256(self.data).hexdigest(),
            providers=providers,
            folder=str(folder) if folder else None,
        )


@dataclass(frozen=True, slots=True)
class Assets:
    """All content of one mint; the animation where it has one."""

    image: Content
    metadata: Content
    animation: Content | None = None

    @property
    def all(self) -> tuple[Content, ...]:
        """Image, metadata, and the animation if there is one, in this order."""
        return (self.image, self.metadata, *((self.animation,) if self.animation else ()))


def image_content(mint_id: str, data: bytes, accepted: AcceptedMedia) -> Content:
    """Name a mint's image; raises `Permanent` when it is too large or of no accepted type."""
    if fault := accepted.image_fault(data):
        raise Permanent(f"image: {fault}")
    return _medium(mint_id, data)


def animation_content(mint_id: str, data: bytes, accepted: AcceptedMedia) -> Content:
    """Name a mint's animation; raises `Permanent` when it is too large or no MP4."""
    if fault := accepted.animation_fault(data):
        raise Permanent(f"animation: {fault}")
    return _medium(mint_id, data)


def _medium(mint_id: str, data: bytes) -> Content:
    kind = media_type(data)
    if kind is None:
        raise Permanent(f"the media of {mint_id} are of no known type")
    return Content(f"{mint_id}.{extension(kind)}", kind, data, cid_of(data))


def metadata_content(
    request: MintRequested, image: Content, animation: Content | None = None
) -> Content:
    """Write and name a mint's metadata document; raises `Permanent` for a value not allowed."""
    document = metadata.compose(
        name=request.name,
        symbol=request.symbol,
        description=request.description,
        level=request.level,
        image=image.cid,
        image_type=image.media_type,
        animation=animation.cid if animation else None,
        attributes=tuple(
            metadata.Attribute(trait_type=attribute.trait_type, value=attribute.value)
            for attribute in request.attributes
        ),
        creators=tuple(
            metadata.Creator(address=creator.address, share=creator.share)
            for creator in request.creators
        ),
        seller_fee_basis_points=request.seller_fee_basis_points,
        external_url=request.external_url,
    ).to_bytes()
    return Content(f"{request.mint_id}.json", "application/json", document, cid_of(document))

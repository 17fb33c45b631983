"""The metadata document of an NFT, written one way only and read back strictly.

Source: Metaplex's token standard for non-fungibles
(developers.metaplex.com/token-metadata/token-standard). Equal input gives equal bytes, so equal
content has one CID: keys are sorted, there is no white space, text is UTF-8, and numbers are whole.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mint_content.cid import Cid
from mint_content.media import MP4
from mint_resilience.failures import Permanent

LEVEL_TRAIT = "Level"
"""The trait that carries the NFT's level; a document has it exactly once."""

_MAX_FEE = 10_000
_ALL_SHARES = 100


class _Part(BaseModel):
    """Immutable, of exact types; what the standard allows beyond ours is passed over."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class Attribute(_Part):
    """One trait of the NFT."""

    trait_type: Annotated[str, Field(min_length=1)]
    value: str | int


class Creator(_Part):
    """One creator's address and its share of the royalties, in per cent."""

    address: str
    share: Annotated[int, Field(ge=0, le=_ALL_SHARES)]


class File(_Part):
    """One file of the NFT and its media type."""

    uri: str
    type: str


class Properties(_Part):
    """The NFT's files and creators."""

    files: Annotated[tuple[File, ...], Field(min_length=1, strict=False)]
    category: Literal["image", "video"] = "image"
    creators: Annotated[tuple[Creator, ...], Field(strict=False)] = ()


class Metadata(_Part):
    """The whole document."""

    name: Annotated[str, Field(min_length=1)]
    symbol: str
    description: str = ""
    seller_fee_basis_points: Annotated[int, Field(ge=0, le=_MAX_FEE)] = 0
    image: str
    animation_url: str | None = None
    external_url: str | None = None
    attributes: Annotated[tuple[Attribute, ...], Field(strict=False)]
    properties: Properties

    @model_validator(mode="after")
    def _one_level(self) -> Metadata:
        levels = [a.value for a in self.attributes if a.trait_type == LEVEL_TRAIT]
        if len(levels) != 1 or not isinstance(levels[0], int):
            raise ValueError(f"expected one whole-number {LEVEL_TRAIT!r} attribute, got {levels}")
        return self

    @property
    def level(self) -> int:
        """The NFT's level."""
        return next(
            a.value
            for a in self.attributes
            if a.trait_type == LEVEL_TRAIT and isinstance(a.value, int)
        )

    def to_bytes(self) -> bytes:
        """The canonical bytes: absent options are left out, keys sorted, no white space."""
        document = self.model_dump(exclude_none=True)
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode()


def compose(
    *,
    name: str,
    symbol: str,
    description: str,
    level: int,
    image: Cid,
    image_type: str,
    animation: Cid | None = None,
    attributes: tuple[Attribute, ...] = (),
    creators: tuple[Creator, ...] = (),
    seller_fee_basis_points: int = 0,
    external_url: str | None = None,
) -> Metadata:
    """Make the document of an NFT; the level comes first among its attributes.

    `animation` is an MP4 that is shown where it can be, with `image` as its still.

    Raises `Permanent` when a value is not allowed, for instance a second `Level` attribute.
    """
    try:
        return Metadata(
            name=name,
            symbol=symbol,
            description=description,
            seller_fee_basis_points=seller_fee_basis_points,
            image=image.uri,
            animation_url=animation.uri if animation else None,
            external_url=external_url,
            attributes=(Attribute(trait_type=LEVEL_TRAIT, value=level), *attributes),
            properties=_properties(File(uri=image.uri, type=image_type), animation, creators),
        )
    except ValidationError as error:
        raise Permanent(f"metadata of {name!r}: {_summary(error)}") from error


def _properties(image: File, animation: Cid | None, creators: tuple[Creator, ...]) -> Properties:
    """An animation makes the NFT a video, of which the image is the cover."""
    if animation is None:
        return Properties(files=(image,), creators=creators)
    files = (image, File(uri=animation.uri, type=MP4))
    return Properties(files=files, category="video", creators=creators)


def parse(document: bytes) -> Metadata:
    """Read a document; raises `Permanent` that names each field that is missing or wrong."""
    try:
        return Metadata.model_validate_json(document)
    except ValidationError as error:
        raise Permanent(f"metadata document: {_summary(error)}") from error


def _summary(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, detail['loc'])) or 'document'}: {detail['msg']}"
        for detail in error.errors()
    )

"""Mint requests from flags or files: read strictly, and checked as far as this side can.

The reconciler judges every request again; what is found here only comes sooner.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from mint_chain.addresses import parse_wallet
from mint_content.accepted import AcceptedMedia
from mint_events.catalogue import Attribute, Creator, MintRequested
from mint_resilience.failures import Permanent
from trimint.failing import Failed

NAME_BYTES = 32
SYMBOL_BYTES = 10
"""The limits of Token Metadata (MF-2)."""


class CreatorEntry(BaseModel):
    """A creator and its share in percent."""

    model_config = ConfigDict(extra="forbid")

    address: str
    share: int


class AttributeEntry(BaseModel):
    """A trait beside the level."""

    model_config = ConfigDict(extra="forbid")

    trait_type: str
    value: str


class Entry(BaseModel):
    """One mint as it is written in a file or by flags; `image`, `animation` are paths of files."""

    model_config = ConfigDict(extra="forbid")

    mint_id: Annotated[str | None, Field(min_length=1, max_length=128)] = None
    user_id: Annotated[str, Field(min_length=1, validation_alias=AliasChoices("user", "user_id"))]
    wallet: str
    name: str
    symbol: str
    level: int
    image: Path | None = None
    image_uri: str | None = None
    animation: Path | None = None
    animation_uri: str | None = None
    description: str = ""
    external_url: str | None = None
    collection: str | None = None
    seller_fee_basis_points: int = 0
    creators: tuple[CreatorEntry, ...] = ()
    attributes: tuple[AttributeEntry, ...] = ()
    is_mutable: bool = True


def read_file(path: Path) -> list[Mapping[str, Any]]:
    """The rows of a `.json` file (a list of objects) or a `.csv` file (one header line).

    Empty cells of a CSV count as not given. Raises `Failed` that names file and fault.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"{path}: can not be read ({error})") from error
    if path.suffix.lower() == ".csv":
        return [_given(row) for row in csv.DictReader(io.StringIO(text))]
    if path.suffix.lower() == ".json":
        return _objects(path, text)
    raise Failed(f"{path}: expected a file that ends in .json or .csv")


def _given(row: Mapping[str, str | None]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value not in (None, "")}


def _objects(path: Path, text: str) -> list[Mapping[str, Any]]:
    try:
        rows = json.loads(text)
    except ValueError as error:
        raise Failed(f"{path}: is not JSON: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Failed(f"{path}: expected a list of objects, one for each mint")
    return rows


def requests_of(
    rows: Sequence[Mapping[str, Any]],
    folder: Path,
    new_id: Callable[[], str],
    *,
    media: AcceptedMedia | None,
) -> list[MintRequested]:
    """One request for each row; paths of images and animations are relative to `folder`.

    `new_id` names mints without an id; `media` is what the services accept, or None to leave all
    limits to them. Raises `Failed` with every fault of every row.
    """
    requests: list[MintRequested] = []
    faults: list[str] = []
    for number, row in enumerate(rows, start=1):
        try:
            request = _request(Entry.model_validate(row), folder, new_id)
        except (ValidationError, OSError) as error:
            faults += [f"mint {number}: {fault}" for fault in _told(error)]
            continue
        faults += (
            [f"mint {number}: {fault}" for fault in faults_of(request, media)] if media else []
        )
        requests.append(request)
    if faults:
        raise Failed("; ".join(faults))
    return requests


def _request(entry: Entry, folder: Path, new_id: Callable[[], str]) -> MintRequested:
    return MintRequested(
        mint_id=entry.mint_id or new_id(),
        user_id=entry.user_id,
        wallet=entry.wallet,
        name=entry.name,
        symbol=entry.symbol,
        level=entry.level,
        description=entry.description,
        image=(folder / entry.image).read_bytes() if entry.image else None,
        image_uri=entry.image_uri,
        animation=(folder / entry.animation).read_bytes() if entry.animation else None,
        animation_uri=entry.animation_uri,
        seller_fee_basis_points=entry.seller_fee_basis_points,
        creators=tuple(Creator(address=c.address, share=c.share) for c in entry.creators),
        attributes=tuple(
            Attribute(trait_type=a.trait_type, value=a.value) for a in entry.attributes
        ),
        external_url=entry.external_url,
        collection=entry.collection,
        is_mutable=entry.is_mutable,
    )


def faults_of(request: MintRequested, media: AcceptedMedia) -> Iterable[str]:
    """What is wrong with a request, as far as it can be told without the services."""
    try:
        parse_wallet(request.wallet)
    except Permanent as fault:
        yield f"wallet: {fault}"
    if not 0 < len(request.name.encode()) <= NAME_BYTES:
        yield f"name: expected 1 to {NAME_BYTES} bytes"
    if len(request.symbol.encode()) > SYMBOL_BYTES:
        yield f"symbol: expected at most {SYMBOL_BYTES} bytes"
    yield from _media_faults(request, media)


def _media_faults(request: MintRequested, media: AcceptedMedia) -> Iterable[str]:
    if (request.image is None) == (request.image_uri is None):
        yield "image: expected either an image file or an image_uri (ipfs://CID or https://…)"
    if request.image is not None and (fault := media.image_fault(request.image)):
        yield f"image: {fault}"
    if request.animation is None:
        return
    if request.animation_uri is not None:
        yield "animation: expected either an MP4 file or an animation_uri, not both"
    if fault := media.animation_fault(request.animation):
        yield f"animation: {fault}"


def _told(error: ValidationError | OSError) -> list[str]:
    if isinstance(error, OSError):
        return [f"image: {error}"]
    return [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]

"""Is a request worth spending anything on? (MF-2)

Sources of the limits: Token Metadata (name, symbol, seller fee, creators: its `state` module),
the event catalogue (`mint_id`), and the operator's settings (level, image, animation).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from mint_chain.addresses import parse_address, parse_wallet
from mint_content.accepted import AcceptedMedia
from mint_content.cid import Cid
from mint_content.metadata import LEVEL_TRAIT
from mint_events.catalogue import MintRequested
from mint_events.topics import MAX_INLINE_BYTES
from mint_resilience.failures import Permanent

NAME_BYTES = 32
SYMBOL_BYTES = 10
URI_BYTES = 200
MEDIA_URL_BYTES = 2048
SELLER_FEE_MAX = 10_000
CREATORS_MAX = 5
USER_ID_CHARACTERS = 256

_LEVEL = LEVEL_TRAIT.lower()
_MINT_ID = re.compile(r"[\x20-\x7e]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the operator allows."""

    level_min: int
    level_max: int
    media: AcceptedMedia


@dataclass(frozen=True, slots=True)
class Fault:
    """The field at fault, what is wrong with it, and what would be right."""

    field: str
    detail: str


Rule = Callable[[MintRequested, Limits], str | None]


def first_fault(request: MintRequested, limits: Limits) -> Fault | None:
    """The first field that is not acceptable, in the order of the rules; None if all are."""
    for field, rule in _RULES:
        detail = rule(request, limits)
        if detail is not None:
            return Fault(field, detail)
    return None


def _mint_id(request: MintRequested, _: Limits) -> str | None:
    if _MINT_ID.fullmatch(request.mint_id):
        return None
    return f"{_shown(request.mint_id)} is not 1 to 128 printable ASCII characters"


def _user_id(request: MintRequested, _: Limits) -> str | None:
    if request.user_id.isprintable() and 1 <= len(request.user_id) <= USER_ID_CHARACTERS:
        return None
    return f"{_shown(request.user_id)} is not 1 to {USER_ID_CHARACTERS} printable characters"


def _wallet(request: MintRequested, _: Limits) -> str | None:
    return _why_not(parse_wallet, request.wallet)


def _name(request: MintRequested, _: Limits) -> str | None:
    if not request.name:
        return f"it is empty: give 1 to {NAME_BYTES} bytes of UTF-8"
    return _unfit_for_chain(request.name, NAME_BYTES)


def _symbol(request: MintRequested, _: Limits) -> str | None:
    return _unfit_for_chain(request.symbol, SYMBOL_BYTES)


def _level(request: MintRequested, limits: Limits) -> str | None:
    if limits.level_min <= request.level <= limits.level_max:
        return None
    return f"{request.level} is not in {limits.level_min} to {limits.level_max}"


def _image(request: MintRequested, limits: Limits) -> str | None:
    if request.image is None:
        return None if request.image_uri else "there is none: give `image` or `image_uri`"
    if request.image_uri is not None:
        return "`image_uri` is given as well: give one of them"
    return limits.media.image_fault(request.image) or _too_large_inline(request.image)


def _image_uri(request: MintRequested, _: Limits) -> str | None:
    return None if request.image_uri is None else _no_place(request.image_uri)


def _animation(request: MintRequested, limits: Limits) -> str | None:
    if request.animation is None:
        return None
    if request.animation_uri is not None:
        return "`animation_uri` is given as well: give one of them"
    return limits.media.animation_fault(request.animation) or _too_large_inline(
        request.animation, request.image
    )


def _animation_uri(request: MintRequested, _: Limits) -> str | None:
    return None if request.animation_uri is None else _no_place(request.animation_uri)


def _too_large_inline(*media: bytes | None) -> str | None:
    size = sum(len(data) for data in media if data is not None)
    if size <= MAX_INLINE_BYTES:
        return None
    return (
        f"the request carries {size} bytes of media: at most {MAX_INLINE_BYTES} fit into an event;"
        " give an ipfs:// or https:// URI"
    )


def _no_place(uri: str) -> str | None:
    """Why nothing can be fetched from there, if so."""
    if uri.startswith(("http://", "https://")):
        return _too_long(uri, MEDIA_URL_BYTES) or _no_web_address(uri)
    return _too_long(uri, URI_BYTES) or _why_not(Cid.from_uri, uri)


def _seller_fee(request: MintRequested, _: Limits) -> str | None:
    if 0 <= request.seller_fee_basis_points <= SELLER_FEE_MAX:
        return None
    return f"{request.seller_fee_basis_points} is not in 0 to {SELLER_FEE_MAX} (1/100 percent)"


def _creators(request: MintRequested, _: Limits) -> str | None:
    creators = request.creators
    if not creators:
        return None
    if len(creators) > CREATORS_MAX:
        return f"there are {len(creators)}: at most {CREATORS_MAX} are allowed"
    if len({creator.address for creator in creators}) < len(creators):
        return "one address is there twice: name each creator once"
    return _shares([creator.share for creator in creators]) or _first(
        _why_not(parse_address, creator.address) for creator in creators
    )


def _shares(shares: list[int]) -> str | None:
    if all(0 <= share <= 100 for share in shares) and sum(shares) == 100:
        return None
    return f"the shares {shares} must each be 0 to 100 and sum to 100, not {sum(shares)}"


def _attributes(request: MintRequested, _: Limits) -> str | None:
    kinds = [trait.trait_type.strip().lower() for trait in request.attributes]
    if "" in kinds:
        return "a trait has no `trait_type`: name every trait"
    return f"{LEVEL_TRAIT} is set from `level`: leave it out" if _LEVEL in kinds else None


def _external_url(request: MintRequested, _: Limits) -> str | None:
    url = request.external_url
    if url is None:
        return None
    return _no_web_address(url) or _too_long(url, URI_BYTES)


def _no_web_address(url: str) -> str | None:
    return None if _is_web_address(url) else f"{_shown(url)} is not an http or https URL"


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _collection(request: MintRequested, _: Limits) -> str | None:
    return None if request.collection is None else _why_not(parse_address, request.collection)


def _why_not(parse: Callable[[str], object], text: str) -> str | None:
    try:
        parse(text)
    except Permanent as failure:
        return str(failure)
    return None


def _unfit_for_chain(text: str, most: int) -> str | None:
    """Token Metadata pads its texts with NUL, so NUL can not be told apart from the end."""
    return f"{_shown(text)} holds the character NUL" if "\0" in text else _too_long(text, most)


def _too_long(text: str, most: int) -> str | None:
    size = len(text.encode())
    return f"{_shown(text)} has {size} bytes: at most {most} are allowed" if size > most else None


def _first(details: Iterable[str | None]) -> str | None:
    return next((detail for detail in details if detail), None)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]}…")


_RULES: tuple[tuple[str, Rule], ...] = (
    ("mint_id", _mint_id),
    ("user_id", _user_id),
    ("wallet", _wallet),
    ("name", _name),
    ("symbol", _symbol),
    ("level", _level),
    ("image", _image),
    ("image_uri", _image_uri),
    ("animation", _animation),
    ("animation_uri", _animation_uri),
    ("seller_fee_basis_points", _seller_fee),
    ("creators", _creators),
    ("attributes", _attributes),
    ("external_url", _external_url),
    ("collection", _collection),
)

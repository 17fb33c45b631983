"""An event as JSON, for people and queries; the record's own bytes are kept beside it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from mint_events.catalogue import Event
from mint_events.plain import to_plain
from mint_events.schema.history import EVENT_TYPES

LARGE_BYTES = 1024
"""Bytes up to here are shown whole; of more, size and hash are."""

Headers = tuple[tuple[str, bytes], ...]

_TO_PLAIN = {event: to_plain(event) for event in EVENT_TYPES}


def event_json(event: Event) -> str:
    """The event's fields as JSON; bytes as base64, or as size and SHA-256 above `LARGE_BYTES`."""
    return json.dumps(_readable(_TO_PLAIN[event.__class__](event)), allow_nan=False)


def headers_json(headers: Headers) -> str:
    """Headers as JSON pairs of name and text, or of name, null and base64 for what is no text."""
    return json.dumps([_header(name, value) for name, value in headers])


def headers_of(text: str) -> Headers:
    """The headers that `headers_json` wrote."""
    return tuple(
        (name, value.encode() if value is not None else binascii.a2b_base64(*encoded))
        for name, value, *encoded in json.loads(text)
    )


def storable_text(text: str) -> str:
    """The text without U+0000, the one character that PostgreSQL's text and jsonb can not hold."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _header(name: str, value: bytes) -> Sequence[str | None]:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return storable_text(name), None, base64.b64encode(value).decode()
    return storable_text(name), text


def _readable(value: Any) -> Any:
    match value:
        case str():
            return storable_text(value)
        case float() if not math.isfinite(value):
            return str(value)
        case bytes():
            return _readable_bytes(value)
        case Mapping():
            return {storable_text(key): _readable(inner) for key, inner in value.items()}
        case Sequence():
            return [_readable(inner) for inner in value]
        case _:
            return value


def _readable_bytes(value: bytes) -> dict[str, Any]:
    if len(value) > LARGE_BYTES:
        return {"size": len(value), "sha256": hashlib.sha256(value).hexdigest()}
    return {"base64": base64.b64encode(value).decode()}

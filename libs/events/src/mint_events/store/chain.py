"""The hashes that chain a shard's rows: each covers the one before it and its own row. Pure.

A row's fields are hashed with their lengths before them, so that no two rows read the same.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

_ABSENT = b"\xff" * 8
"""In a length's place: longer than anything, so different from every value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The columns of a row that are fixed when it is appended.

    JSON is as PostgreSQL renders it; of the value it is the SHA-256.
    """

    position: int
    shard: int
    sequence: int
    event_id: UUID
    mint_id: str
    type: str
    source: str
    correlation_id: str
    causation_id: UUID | None
    occurred_at: datetime
    recorded_at: datetime
    received: bool
    topic: str
    key: bytes | None
    headers: str
    value_hash: bytes
    decoded: str


def content_hash(previous: bytes, content: Content) -> bytes:
    """SHA-256 over the hash of the row before and this row."""
    values = [_bytes_of(getattr(content, field)) for field in Content.__slots__]
    return hashlib.sha256(previous + b"".join(map(_delimited, values))).digest()


def place_hash(own_hash: bytes, topic: str, partition: int, offset: int) -> bytes:
    """SHA-256 over a row's hash and the place of its record."""
    return hashlib.sha256(own_hash + f"{topic}/{partition}/{offset}".encode()).digest()


def _delimited(value: bytes | None) -> bytes:
    return _ABSENT if value is None else len(value).to_bytes(8, "big") + value


def _bytes_of(value: object) -> bytes | None:
    match value:
        case None:
            return None
        case bytes():
            return value
        case datetime():
            return value.isoformat().encode()
        case _:
            return str(value).encode()

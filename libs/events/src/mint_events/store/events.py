"""What goes into the event store, and what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID
from zlib import crc32

from mint_events.codec import Encoded
from mint_events.envelope import Envelope, Received
from mint_events.store.readable import Headers

SHARDS = 16
"""Fixed when the tables are made: a mint's shard follows from its id for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a record is in its topic."""

    partition: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event to be appended; without a `place` it is our own and still to be published."""

    envelope: Envelope
    topic: str
    place: Place | None
    key: bytes | None
    value: bytes
    headers: Headers


class Outcome(StrEnum):
    """What became of an event that was to be appended."""

    APPENDED = "appended"
    DUPLICATE = "duplicate"
    """It was there already, or the same work has told its outcome before."""
    CONFLICT = "conflict"
    """Its id or its place is taken by another event; it was not appended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """What became of one event; `position` is that of the event which is in the store."""

    event_id: UUID
    position: int
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An event as the store holds it.

    `mint_id` is the event's subject, and so of an event about no mint the name of what it is about.
    `position` grows along the whole store, `sequence` by one along the shard. `place` is None
    until an own event has been published. `occurred_at` is the event's time, `recorded_at` that
    of the transaction which appended it, both in UTC.
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
    place: Place | None
    key: bytes | None
    headers: Headers
    value: bytes
    hash: bytes


def received_event(received: Received) -> NewEvent:
    """An event that came from Kafka."""
    return NewEvent(
        envelope=received.envelope,
        topic=received.topic,
        place=Place(partition=received.partition, offset=received.offset),
        key=received.key,
        value=received.value,
        headers=received.headers,
    )


def own_event(envelope: Envelope, encoded: Encoded, topic: str) -> NewEvent:
    """An event of ours that is to be published on `topic` (without the deployment's prefix)."""
    return NewEvent(
        envelope=envelope,
        topic=topic,
        place=None,
        key=encoded.key,
        value=encoded.value,
        headers=tuple(encoded.headers),
    )


def shard_of(subject: str) -> int:
    """The shard that holds the events about a mint, a layer or an endpoint."""
    return crc32(subject.encode()) % SHARDS


def shards_of(events: Sequence[NewEvent]) -> list[int]:
    """The shards that hold these events, each once, in order."""
    return sorted({shard_of(event.envelope.subject) for event in events})

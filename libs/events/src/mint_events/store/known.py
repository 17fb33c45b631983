"""Which of the events to be appended are in the store already: by their id, and by their place.

Work that a crash has cut off is done again, and tells its outcome again under the same id, which
follows from the cause; what it measured (times, latencies, who holds a pin) may be different then.
That is a repetition, and the first telling counts. An event without a cause is not made again, so
its id under another value is a conflict.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from mint_events.store.connection import Connection
from mint_events.store.events import Appended, NewEvent, Outcome
from mint_events.store.readable import storable_text

_SELECT = """
SELECT position, event_id, topic, partition, record_offset, sha256(value) AS value_hash,
    type, mint_id, source, causation_id
FROM event_store WHERE event_id = ANY($1::uuid[])
UNION
SELECT s.position, s.event_id, s.topic, s.partition, s.record_offset, sha256(s.value),
    s.type, s.mint_id, s.source, s.causation_id
FROM event_store s
JOIN unnest($2::text[], $3::int[], $4::bigint[]) AS n (topic, partition, record_offset)
  ON (s.topic, s.partition, s.record_offset) = (n.topic, n.partition, n.record_offset)"""

_Place = tuple[str, int, int]
_Origin = tuple[str, str, str, UUID]
"""An event's type, mint_id, source and cause."""


@dataclass(frozen=True, slots=True)
class _Known:
    position: int
    value_hash: bytes
    origin: _Origin | None

    def is_told_again_by(self, event: NewEvent) -> bool:
        """Whether an event of the same id is this one, or the outcome of the same work."""
        origin = _origin_of(event)
        return self.value_hash == value_hash_of(event) or (
            origin is not None and self.origin == origin
        )


@dataclass(slots=True)
class KnownEvents:
    """Events by id and by place; the ones to be appended join as they are decided upon."""

    _by_id: dict[UUID, _Known] = field(default_factory=dict)
    _by_place: dict[_Place, _Known] = field(default_factory=dict)

    def add(self, event_id: UUID, place: _Place | None, known: _Known) -> None:
        """An event is there, or will be."""
        self._by_id[event_id] = known
        if place is not None:
            self._by_place[place] = known

    def judge(self, event: NewEvent) -> Appended | None:
        """What keeps the event from being appended; None when nothing does."""
        same_id = self._by_id.get(event.envelope.id)
        place = _place_of(event)
        there = same_id or (self._by_place.get(place) if place else None)
        if there is None:
            return None
        same = same_id is not None and same_id.is_told_again_by(event)
        return Appended(
            event_id=event.envelope.id,
            position=there.position,
            outcome=Outcome.DUPLICATE if same else Outcome.CONFLICT,
        )

    def accept(self, event: NewEvent, position: int) -> Appended:
        """The event will be appended at `position`."""
        known = _Known(position, value_hash_of(event), _origin_of(event))
        self.add(event.envelope.id, _place_of(event), known)
        return Appended(event_id=event.envelope.id, position=position, outcome=Outcome.APPENDED)


async def known_events(conn: Connection, events: Iterable[NewEvent]) -> KnownEvents:
    """What the store has of these events, and at their places."""
    events = list(events)
    places = [place for event in events if (place := _place_of(event)) is not None]
    topics, partitions, offsets = zip(*places, strict=True) if places else ((), (), ())
    ids = [event.envelope.id for event in events]
    known = KnownEvents()
    for row in await conn.fetch(_SELECT, ids, topics, partitions, offsets):
        place = (row["topic"], row["partition"], row["record_offset"])
        placed = place if row["partition"] is not None else None
        known.add(row["event_id"], placed, _known(row))
    return known


def _known(row: Mapping[str, Any]) -> _Known:
    cause = row["causation_id"]
    origin = (row["type"], row["mint_id"], row["source"], cause) if cause else None
    return _Known(row["position"], row["value_hash"], origin)


def _origin_of(event: NewEvent) -> _Origin | None:
    envelope = event.envelope
    if envelope.causation_id is None:
        return None
    mint_id, source = storable_text(envelope.subject), storable_text(envelope.source)
    return envelope.type, mint_id, source, envelope.causation_id


def _place_of(event: NewEvent) -> _Place | None:
    place = event.place
    return (event.topic, place.partition, place.offset) if place else None


def value_hash_of(event: NewEvent) -> bytes:
    """SHA-256 of the record's value."""
    return hashlib.sha256(event.value).digest()

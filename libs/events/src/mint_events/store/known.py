"""Which of the events to be appended are in the store already: by their id, and by their place."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from mint_events.store.connection import Connection
from mint_events.store.events import Appended, NewEvent, Outcome

_SELECT = """
SELECT position, event_id, topic, partition, record_offset, sha256(value) AS value_hash
FROM event_store WHERE event_id = ANY($1::uuid[])
UNION
SELECT s.position, s.event_id, s.topic, s.partition, s.record_offset, sha256(s.value)
FROM event_store s
JOIN unnest($2::text[], $3::int[], $4::bigint[]) AS n (topic, partition, record_offset)
  ON (s.topic, s.partition, s.record_offset) = (n.topic, n.partition, n.record_offset)"""

_Place = tuple[str, int, int]


@dataclass(slots=True)
class _Known:
    position: int
    value_hash: bytes


@dataclass(slots=True)
class KnownEvents:
    """Events by id and by place; the ones to be appended join as they are decided upon."""

    _by_id: dict[UUID, _Known] = field(default_factory=dict)
    _by_place: dict[_Place, _Known] = field(default_factory=dict)

    def add(self, event_id: UUID, place: _Place | None, position: int, value_hash: bytes) -> None:
        """An event is there, or will be."""
        known = _Known(position, value_hash)
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
        same = same_id is not None and same_id.value_hash == value_hash_of(event)
        return Appended(
            event_id=event.envelope.id,
            position=there.position,
            outcome=Outcome.DUPLICATE if same else Outcome.CONFLICT,
        )

    def accept(self, event: NewEvent, position: int) -> Appended:
        """The event will be appended at `position`."""
        self.add(event.envelope.id, _place_of(event), position, value_hash_of(event))
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
        known.add(row["event_id"], placed, row["position"], row["value_hash"])
    return known


def _place_of(event: NewEvent) -> _Place | None:
    place = event.place
    return (event.topic, place.partition, place.offset) if place else None


def value_hash_of(event: NewEvent) -> bytes:
    """SHA-256 of the record's value."""
    return hashlib.sha256(event.value).digest()

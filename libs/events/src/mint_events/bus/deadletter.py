"""A record that could not be worked on, as an event that holds its raw bytes and the reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from mint_events.bus.record import Consumed
from mint_events.catalogue import RecordDeadLettered
from mint_events.envelope import Envelope, root
from mint_events.ids import effect_id, record_id


def dead_letter(
    record: Consumed, *, service: str, failure: str, detail: str, time: datetime
) -> Envelope:
    """The event for a record that `service` gave up on.

    Its id follows from the record's place and the service, so giving up again is the same event.
    """
    place = record.position
    event = RecordDeadLettered(
        mint_id=(record.key or b"").decode(errors="replace"),
        topic=place.topic,
        partition=place.partition,
        offset=place.offset,
        service=service,
        failure=failure,
        detail=detail,
        value=record.value or b"",
        headers=dict(record.headers),
    )
    origin = record_id(place.topic, place.partition, place.offset)
    event_id = effect_id(origin, "RecordDeadLettered", event.mint_id, service)
    return root(event, id=event_id, source=service, time=time)


def without_value(envelope: Envelope) -> Envelope:
    """The same dead letter for a record whose bytes are too large to be carried along."""
    event = envelope.event
    if not isinstance(event, RecordDeadLettered):
        raise TypeError(f"{envelope.type} is not a dead letter")
    left_out = f"{event.detail} (its {len(event.value)} bytes are too large to be kept here: see "
    detail = f"{left_out}{event.topic}/{event.partition}/{event.offset})"
    return replace(envelope, event=replace(event, value=b"", detail=detail))

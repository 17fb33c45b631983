"""A record that could not be worked on, as an event that holds its raw bytes and the reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from mint_events.bus.record import Consumed, Record
from mint_events.catalogue import RecordDeadLettered
from mint_events.envelope import Envelope, root
from mint_events.ids import effect_id, record_id

REDRIVEN = "trimint_redriven"
"""Header of a record that an operator had worked on again: the id of its dead letter."""
REDRIVEN_FOR = "trimint_redriven_for"
"""Header beside it: the service that had given it up; the others were done with it."""


def dead_letter(
    record: Consumed, *, service: str, failure: str, detail: str, time: datetime, attempts: int = 1
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
        key=record.key,
        attempts=attempts,
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


def redriven(letter: Envelope) -> Record:
    """The record of a dead letter as it goes back to where it came from.

    Its value, key, partition and headers are what they were; two headers say what it is. Raises
    `ValueError` for one whose bytes were not kept.
    """
    event = letter.event
    if not isinstance(event, RecordDeadLettered):
        raise TypeError(f"{letter.type} is not a dead letter")
    if not event.value:
        raise ValueError("its bytes were not kept, so it can not be redriven")
    headers = {name: value for name, value in event.headers.items() if name not in _OF_A_REDRIVE}
    headers |= {REDRIVEN: str(letter.id).encode(), REDRIVEN_FOR: event.service.encode()}
    return Record(
        topic=event.topic,
        key=event.mint_id.encode() or None if event.key is None else event.key,
        value=event.value,
        headers=tuple(headers.items()),
        partition=event.partition,
    )


def is_for_another(record: Consumed, service: str) -> bool:
    """Whether the record was redriven, and for a service other than this one."""
    return dict(record.headers).get(REDRIVEN_FOR, service.encode()) != service.encode()


_OF_A_REDRIVE = frozenset({REDRIVEN, REDRIVEN_FOR})

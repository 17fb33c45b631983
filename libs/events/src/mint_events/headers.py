"""The metadata of an event as Kafka headers.

Source: CloudEvents Kafka Protocol Binding 1.0.2, binary content mode (`ce_` before an attribute's
name, `content-type` for the data), with `correlationid`, `causationid` and W3C `traceparent`.
A foreign producer may leave any of them out.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from mint_events.catalogue import Event
from mint_events.envelope import Envelope
from mint_events.ids import parsed_id, record_id
from mint_events.tracing import is_traceparent

CONTENT_TYPE = "application/avro"
FOREIGN_SOURCE = b"unknown"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIXED = [("ce_specversion", b"1.0"), ("content-type", CONTENT_TYPE.encode())]

Headers = list[tuple[str, bytes]]


def write_headers(envelope: Envelope) -> Headers:
    """The headers of an event's record."""
    headers = [
        *_FIXED,
        ("ce_id", str(envelope.id).encode()),
        ("ce_type", envelope.type.encode()),
        ("ce_source", envelope.source.encode()),
        ("ce_time", envelope.time.isoformat().encode()),
        ("ce_subject", envelope.subject.encode()),
        ("correlationid", envelope.correlation_id.encode()),
    ]
    if envelope.causation_id is not None:
        headers.append(("causationid", str(envelope.causation_id).encode()))
    if envelope.traceparent is not None:
        headers.append(("traceparent", envelope.traceparent.encode()))
    return headers


def read_envelope(
    event: Event,
    headers: Iterable[tuple[str, bytes]],
    *,
    topic: str,
    partition: int,
    offset: int,
    timestamp_ms: int,
) -> Envelope:
    """The event with what its record's headers say, and what follows from its place otherwise.

    Without `ce_id` the id is that of the record's place, without `ce_time` the time is the record's
    (milliseconds since 1970), without `correlationid` the event is the first of its chain. A
    `traceparent` that is none is ignored, as the standard wants it.
    Raises `ValueError` for a `ce_type` other than the event's, a `ce_time` that is not RFC 3339 or
    a header that is not UTF-8, `OverflowError` for a time beyond the calendar.
    """
    said = dict(headers).get
    _check_type(event, said("ce_type"))
    own_id, causation_id, time = said("ce_id"), said("causationid"), said("ce_time")
    source = said("ce_source", FOREIGN_SOURCE).decode()
    event_id = parsed_id(own_id.decode(), source) if own_id else record_id(topic, partition, offset)
    traceparent = said("traceparent", b"").decode()
    return Envelope(
        event=event,
        id=event_id,
        source=source,
        time=_time(time.decode()) if time else _record_time(timestamp_ms),
        correlation_id=said("correlationid", b"").decode() or str(event_id),
        causation_id=parsed_id(causation_id.decode(), source) if causation_id else None,
        traceparent=traceparent if is_traceparent(traceparent) else None,
    )


def _check_type(event: Event, said: bytes | None) -> None:
    written = event.__class__.__name__
    if said is not None and said.decode() != written:
        raise ValueError(f"header ce_type says {said!r}, the schema of the value {written!r}")


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"header ce_time {text!r} has no offset from UTC, as RFC 3339 wants it")
    return time.astimezone(UTC)


def _record_time(timestamp_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=timestamp_ms)

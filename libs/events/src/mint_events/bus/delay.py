"""Work for later, kept in Kafka: one topic per length of wait, so that its head is the next due.

A delayed record carries when it is due and, if it was received from a topic, from where.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from mint_events.bus.record import Consumed, Headers, Position, Record
from mint_events.envelope import Received
from mint_events.topics import Topic
from mint_resilience.failures import Poison

RETENTION = timedelta(days=7)
_DUE = "trimint_due"
_ORIGIN = "trimint_origin"


@dataclass(frozen=True, slots=True)
class Wait:
    """A length of time, in seconds, that a service delays work by."""

    seconds: float


def delay_topic(service: str, wait: Wait) -> Topic:
    """The topic `<service>.delay.<seconds>s`."""
    return Topic(
        name=f"{service}.delay.{wait.seconds:g}s", writer=service, events=(), retention=RETENTION
    )


def delayed(record: Record, topic: Topic, due: datetime) -> Record:
    """The same record on a delay topic, with the time before which it is not to be worked on."""
    headers = (*record.headers, (_DUE, due.isoformat().encode()))
    return replace(record, topic=topic.name, headers=headers)


def as_record(received: Received) -> Record:
    """What was received, as a record that remembers where it came from."""
    origin = f"{received.topic}/{received.partition}/{received.offset}"
    headers = (*_without_ours(received.headers), (_ORIGIN, origin.encode()))
    return Record(
        topic=received.topic, key=received.key or b"", value=received.value, headers=headers
    )


def due(record: Consumed) -> datetime | None:
    """When the record may be worked on (UTC); None means at once: it names no time, or a bad one.

    A bad one is not held back: `undelayed` finds it.
    """
    text = dict(record.headers).get(_DUE)
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text.decode()).astimezone(UTC)
    except ValueError:
        return None


def undelayed(record: Consumed) -> Consumed:
    """The record as it was before it was delayed. Raises `Poison` for headers that are not ours."""
    headers = dict(record.headers)
    if _DUE in headers and due(record) is None:
        raise Poison(f"record {record.position}: header {_DUE} is not a time: {headers[_DUE]!r}")
    origin = headers.get(_ORIGIN)
    position = record.position if origin is None else _position(record, origin)
    return replace(record, position=position, headers=_without_ours(record.headers))


def _position(record: Consumed, origin: bytes) -> Position:
    try:
        topic, partition, offset = origin.decode().rsplit("/", 2)
        return Position(topic=topic, partition=int(partition), offset=int(offset))
    except ValueError as error:
        raise Poison(f"record {record.position}: header {_ORIGIN} is {origin!r}") from error


def _without_ours(headers: Iterable[tuple[str, bytes]]) -> Headers:
    return tuple((name, value) for name, value in headers if name not in (_DUE, _ORIGIN))

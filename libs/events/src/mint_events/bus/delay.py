"""Work for later, kept in Kafka: one topic per length of wait, so that its head is the next due.

What a handler delays lies on topics of the service; what the runtime parks, on topics of the group.

A delayed record carries when it is due and, if it was received from a topic, from where.
"""

from __future__ import annotations

import re
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
_PARKED = "trimint_parked"
_PARKED_TEXT = re.compile(rb"(\d{1,6})/(\d{1,6})/(\d{1,9})")
_OURS = frozenset({_DUE, _ORIGIN, _PARKED})


@dataclass(frozen=True, slots=True)
class Wait:
    """A length of time, in seconds, that a service delays work by."""

    seconds: float


def delay_topic(service: str, wait: Wait) -> Topic:
    """The topic `<service>.delay.<seconds>s`."""
    return _topic(service, "delay", wait)


def parking_topic(group: str, wait: Wait) -> Topic:
    """The topic `<group>.parked.<seconds>s`: of one group alone, and no topic of delayed work.

    So whatever the waits are set to, no other group reads what this one has parked.
    """
    return _topic(group, "parked", wait)


def _topic(owner: str, purpose: str, wait: Wait) -> Topic:
    name = f"{owner}.{purpose}.{wait.seconds:g}s"
    return Topic(name=name, writer=owner, events=(), retention=RETENTION)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """What a parked record says of itself: its level, how often it has used up its retries, and
    how often it has been tried in all.
    """

    level: int
    exhausted: int
    attempts: int


def parked(origin: Consumed, topic: Topic, due: datetime, as_: Parked) -> Record:
    """A record whose retries go on later: on the same partition of a delay topic, in its order."""
    place = origin.position
    text = f"{as_.level}/{as_.exhausted}/{as_.attempts}"
    headers = (*origin.headers, (_ORIGIN, str(place).encode()), (_PARKED, text.encode()))
    record = Record(
        topic=place.topic,
        key=origin.key,
        value=origin.value,
        headers=headers,
        partition=place.partition,
    )
    return delayed(record, topic, due)


def read_parked(headers: Iterable[tuple[str, bytes]]) -> Parked | None:
    """What `parked` wrote; None for a record that is not parked: nobody waits for it."""
    match = _PARKED_TEXT.fullmatch(dict(headers).get(_PARKED, b""))
    if match is None:
        return None
    level, exhausted, attempts = map(int, match.groups())
    return Parked(level=level, exhausted=exhausted, attempts=attempts)


def lane_of(
    key: bytes | None, headers: Iterable[tuple[str, bytes]], topic: str, partition: int
) -> bytes:
    """Records of one lane are worked on in order: those of a key, else of the partition.

    A record without a key that was delayed belongs to the partition that it came from.
    """
    origin = dict(headers).get(_ORIGIN)
    if key or origin is None:
        return key or f"{topic}/{partition}".encode()
    return origin.rpartition(b"/")[0]


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
    return tuple((name, value) for name, value in headers if name not in _OURS)

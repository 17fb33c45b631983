"""Append events: each once, in order per shard, many in four round trips.

The heads of the shards are locked first (in the order of their numbers, so that appenders do not
deadlock), and held until the transaction ends. So a shard has one writer at a time and its rows are
committed in the order of their sequence; shards do not wait for each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mint_events.store.chain import Content, content_hash, place_hash
from mint_events.store.connection import Connection
from mint_events.store.events import Appended, NewEvent, shard_of, shards_of
from mint_events.store.known import KnownEvents, known_events, value_hash_of
from mint_events.store.readable import event_json, headers_json, storable_text

# A statement of its own: those after it see what the transactions it waited for have committed.
_LOCK_HEADS = """
SELECT shard, sequence, hash, transaction_timestamp() AS recorded_at
FROM event_shard WHERE shard = ANY($1::smallint[]) ORDER BY shard FOR UPDATE"""

_POSITIONS = "SELECT nextval('event_position') FROM generate_series(1, $1)"

# JSON is hashed as the database will give it back.
_RENDER = """
SELECT headers::jsonb::text AS headers, decoded::jsonb::text AS decoded
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS n (headers, decoded, ordinal)
ORDER BY ordinal"""

_INSERT = """
WITH heads AS (
    UPDATE event_shard s SET sequence = n.sequence, hash = n.hash
    FROM unnest($1::smallint[], $2::bigint[], $3::bytea[]) AS n (shard, sequence, hash)
    WHERE s.shard = n.shard
)
INSERT INTO event_store (
    position, shard, sequence, event_id, mint_id, type, source, correlation_id, causation_id,
    occurred_at, recorded_at, received, topic, key, headers, decoded, value,
    hash, partition, record_offset, place_hash)
SELECT position, shard, sequence, event_id, mint_id, type, source, correlation_id, causation_id,
    occurred_at, recorded_at, received, topic, key, headers::jsonb, decoded::jsonb, value,
    hash, partition, record_offset, place_hash
FROM unnest(
    $4::bigint[], $5::smallint[], $6::bigint[], $7::uuid[], $8::text[], $9::text[], $10::text[],
    $11::text[], $12::uuid[], $13::timestamptz[], $14::timestamptz[], $15::boolean[],
    $16::text[], $17::bytea[], $18::text[], $19::text[], $20::bytea[],
    $21::bytea[], $22::int[], $23::bigint[], $24::bytea[]
) AS n (
    position, shard, sequence, event_id, mint_id, type, source, correlation_id, causation_id,
    occurred_at, recorded_at, received, topic, key, headers, decoded, value,
    hash, partition, record_offset, place_hash)"""


@dataclass(slots=True)
class _Head:
    """The newest row of a shard; it moves on as rows are chained."""

    sequence: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rendered:
    """An event with its JSON as PostgreSQL renders it."""

    event: NewEvent
    position: int
    headers: str
    decoded: str


_Row = tuple[object, ...]


async def append(conn: Connection, events: Sequence[NewEvent]) -> list[Appended]:
    """Append those that are not there yet; say of each, in their order, what became of it.

    It has to run in a transaction of isolation READ COMMITTED (`RuntimeError` outside of one), and
    should be called once in it, with all events: a second call may deadlock with another appender,
    which PostgreSQL then ends. Raises asyncpg's errors.
    """
    if not conn.is_in_transaction():
        raise RuntimeError("the store's heads are locked by a transaction: open one first")
    if not events:
        return []
    locked = await conn.fetch(_LOCK_HEADS, shards_of(events))
    heads = {row["shard"]: _Head(row["sequence"], row["hash"]) for row in locked}
    positions = [row[0] for row in await conn.fetch(_POSITIONS, len(events))]
    verdicts, new = _decide(await known_events(conn, events), events, positions)
    if new:
        rendered = await _render(conn, new)
        rows = [_chained(item, heads, locked[0]["recorded_at"]) for item in rendered]
        await conn.execute(_INSERT, *_head_columns(heads), *zip(*rows, strict=True))
    return verdicts


def _decide(
    known: KnownEvents, events: Sequence[NewEvent], positions: Sequence[int]
) -> tuple[list[Appended], list[tuple[NewEvent, int]]]:
    """What becomes of each event, and the new ones with their positions."""
    verdicts: list[Appended] = []
    new: list[tuple[NewEvent, int]] = []
    for event, position in zip(events, positions, strict=True):
        verdict = known.judge(event)
        if verdict is None:
            new.append((event, position))
            verdict = known.accept(event, position)
        verdicts.append(verdict)
    return verdicts, new


async def _render(conn: Connection, new: Sequence[tuple[NewEvent, int]]) -> list[_Rendered]:
    headers = [headers_json(event.headers) for event, _ in new]
    decoded = [event_json(event.envelope.event) for event, _ in new]
    rows = await conn.fetch(_RENDER, headers, decoded)
    return [
        _Rendered(event=event, position=position, headers=row["headers"], decoded=row["decoded"])
        for (event, position), row in zip(new, rows, strict=True)
    ]


def _chained(item: _Rendered, heads: dict[int, _Head], recorded_at: datetime) -> _Row:
    """The row of an event, and its shard's head moved on to it."""
    head = heads[shard_of(item.event.envelope.subject)]
    content = _content(item, head.sequence + 1, recorded_at)
    head.sequence, head.hash = content.sequence, content_hash(head.hash, content)
    columns = (getattr(content, column) for column in Content.__slots__ if column != "value_hash")
    return (*columns, item.event.value, head.hash, *_place_columns(item.event, head.hash))


def _content(item: _Rendered, sequence: int, recorded_at: datetime) -> Content:
    envelope = item.event.envelope
    return Content(
        position=item.position,
        shard=shard_of(envelope.subject),
        sequence=sequence,
        event_id=envelope.id,
        mint_id=storable_text(envelope.subject),
        type=envelope.type,
        source=storable_text(envelope.source),
        correlation_id=storable_text(envelope.correlation_id),
        causation_id=envelope.causation_id,
        occurred_at=envelope.time,
        recorded_at=recorded_at,
        received=item.event.place is not None,
        topic=item.event.topic,
        key=item.event.key,
        headers=item.headers,
        value_hash=value_hash_of(item.event),
        decoded=item.decoded,
    )


def _place_columns(event: NewEvent, own_hash: bytes) -> tuple[int, int, bytes] | tuple[None, ...]:
    place = event.place
    if place is None:
        return (None, None, None)
    sealed = place_hash(own_hash, event.topic, place.partition, place.offset)
    return (place.partition, place.offset, sealed)


def _head_columns(heads: dict[int, _Head]) -> tuple[list[int], list[int], list[bytes]]:
    return (
        list(heads),
        [head.sequence for head in heads.values()],
        [head.hash for head in heads.values()],
    )

"""Read events: of one mint, or of all in an order in which none is missed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from mint_events.codec import Codec
from mint_events.envelope import Received
from mint_events.store.connection import Connection
from mint_events.store.events import SHARDS, Place, Stored
from mint_events.store.readable import headers_of, storable_text

COLUMNS = """position, shard, sequence, event_id, mint_id, type, source, correlation_id,
    causation_id, occurred_at, recorded_at, received, topic, partition, record_offset,
    key, headers::text AS headers, value, hash"""

_LOAD = f"""
SELECT {COLUMNS} FROM event_store WHERE mint_id = $1 ORDER BY sequence"""  # noqa: S608 - constants

# Of each shard its next rows, then the first of all those: never more than a page per shard.
_READ_GLOBAL = f"""
SELECT {COLUMNS}
FROM unnest($1::bigint[]) WITH ORDINALITY AS seen (up_to, number)
CROSS JOIN LATERAL (
    SELECT * FROM event_store
    WHERE shard = seen.number - 1 AND sequence > seen.up_to
    ORDER BY sequence LIMIT $2) AS next
ORDER BY position LIMIT $2"""  # noqa: S608 - constants

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNPLACED = Place(partition=-1, offset=-1)

Cursor = tuple[int, ...]
"""How far somebody has read: the last sequence of each shard."""

START: Cursor = (0,) * SHARDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Events by position, and the cursor after them."""

    events: tuple[Stored, ...]
    cursor: Cursor


async def load(conn: Connection, mint_id: str) -> list[Stored]:
    """The events of a mint in the order in which they were appended."""
    return [stored_of(row) for row in await conn.fetch(_LOAD, storable_text(mint_id))]


async def read_global(conn: Connection, after: Cursor, limit: int) -> Page:
    """The next events of all mints, at most `limit`; an empty page means that there are none yet.

    A shard's rows are committed in their sequence without gaps, so whoever follows the cursor sees
    every event once, and those of a mint in order, however many append at the same time.
    """
    rows = await conn.fetch(_READ_GLOBAL, after, limit)
    events = tuple(stored_of(row) for row in rows)
    return Page(events=events, cursor=_moved_on(after, events))


def decode(codec: Codec, stored: Stored) -> Received:
    """The event as it came, or would come, from Kafka; partition and offset -1 where unknown.

    Raises `Poison` when the codec does not know the schema any more.
    """
    place = stored.place or _UNPLACED
    return codec.decode(
        stored.topic,
        place.partition,
        place.offset,
        (stored.occurred_at - _EPOCH) // timedelta(milliseconds=1),
        stored.key,
        stored.value,
        stored.headers,
    )


def stored_of(row: Mapping[str, Any]) -> Stored:
    """The event of a row with `COLUMNS`."""
    columns = dict(row)
    partition, offset = columns.pop("partition"), columns.pop("record_offset")
    place = None if partition is None else Place(partition=partition, offset=offset)
    return Stored(**{**columns, "headers": headers_of(columns["headers"]), "place": place})


def _moved_on(cursor: Cursor, events: tuple[Stored, ...]) -> Cursor:
    seen = list(cursor)
    for event in events:
        seen[event.shard] = event.sequence
    return tuple(seen)

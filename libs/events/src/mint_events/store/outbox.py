"""The outbox: our own events that Kafka does not have yet.

It is no table of its own but the rows of the event store without a place, so that what was decided,
what is stored and what will be published can not differ. The relay publishes them in their order
and then says where they are; after a crash in between it publishes again, and consumers know the
event by its id.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from mint_events.store.connection import Connection
from mint_events.store.events import Place, Stored
from mint_events.store.read import COLUMNS, stored_of

_PENDING = f"""
SELECT {COLUMNS} FROM event_store WHERE partition IS NULL
ORDER BY position LIMIT $1"""  # noqa: S608 - constants

_PLACE = """
UPDATE event_store s
SET partition = n.partition, record_offset = n.record_offset,
    place_hash = sha256(s.hash || convert_to(
        s.topic || '/' || n.partition || '/' || n.record_offset, 'UTF8'))
FROM unnest($1::uuid[], $2::int[], $3::bigint[]) AS n (event_id, partition, record_offset)
WHERE s.event_id = n.event_id AND s.partition IS NULL"""

_TAKE_RELAY = "SELECT pg_try_advisory_xact_lock($1)"
_RELAY_LOCK = 0x72656C6179  # "relay"


async def take_relay(conn: Connection) -> bool:
    """Become the only relay until the transaction ends; False while another one is.

    Two at a time would publish twice, and could publish a mint's events out of order.
    """
    taken: bool = await conn.fetchval(_TAKE_RELAY, _RELAY_LOCK)
    return taken


async def pending(conn: Connection, limit: int) -> list[Stored]:
    """The oldest own events that are not published, at most `limit`, in order per mint."""
    return [stored_of(row) for row in await conn.fetch(_PENDING, limit)]


async def mark_published(conn: Connection, places: Mapping[UUID, Place]) -> int:
    """Note where Kafka has these events; return how many were not known to be published before.

    Raises asyncpg's `UniqueViolationError` when another event is said to be at such a place.
    """
    status = await conn.execute(
        _PLACE,
        list(places),
        [place.partition for place in places.values()],
        [place.offset for place in places.values()],
    )
    return int(status.split()[-1])

"""The ledger of offsets in the database: what is expected next of each partition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mint_events.store.connection import Connection
from reconciler.offsets import Partition

# Key of the advisory lock that makes batches one after the other, on all instances.
_WRITER_LOCK = 0x7265636F6E63696C  # "reconcil"

_EXPECTED = """
    SELECT topic, partition, expected FROM next_offset
    WHERE (topic, partition) IN (SELECT * FROM unnest($1::text[], $2::int[]))
"""

_ADVANCE = """
    INSERT INTO next_offset (topic, partition, expected)
    SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[])
    ON CONFLICT (topic, partition) DO UPDATE SET expected = excluded.expected
"""


async def become_writer(connection: Connection) -> None:
    """Wait until no other batch is being written; held until the transaction ends.

    A statement of its own, so that those after it see what the batch before has committed.
    """
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _WRITER_LOCK)


async def expected_offsets(
    connection: Connection, partitions: Iterable[Partition]
) -> dict[Partition, int]:
    """The offset expected next of each of these partitions: 0 of one never read."""
    asked = sorted(partitions)
    rows = await connection.fetch(_EXPECTED, [t for t, _ in asked], [p for _, p in asked])
    known = {(row["topic"], row["partition"]): row["expected"] for row in rows}
    return {partition: known.get(partition, 0) for partition in asked}


async def advance(connection: Connection, after: Mapping[Partition, int]) -> None:
    """Expect these offsets from now on; the writer's lock has to be held."""
    topics, numbers = [topic for topic, _ in after], [number for _, number in after]
    await connection.execute(_ADVANCE, topics, numbers, list(after.values()))

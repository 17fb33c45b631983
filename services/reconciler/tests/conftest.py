"""A reconciler on a real database, with Kafka's side in memory: the shell without faust."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from mint_events.bus import Position
from mint_events.bus.record import Consumed
from mint_events.catalogue import Event, RecordDeadLettered
from mint_events.codec import Codec
from mint_events.envelope import Envelope
from mint_events.store import decode, load
from mint_events.topics import topic_of
from mint_sandbox.kafka import KafkaCluster
from mint_sandbox.postgres import Database
from reconciler import database as db
from reconciler.batch import BatchWriter
from reconciler.guarded import GuardedDatabase
from reconciler.offsets import Gap, Partition, Stretch
from reconciler.saga import Policy
from reconciler.service import Reconciler

from . import given as g
from .running import World, around

PARTITION = 0


@dataclass
class Log:
    """Topics in memory: what is sent is kept, and can be read again."""

    codec: Codec
    topics: dict[str, list[Consumed]] = field(default_factory=dict)
    gone: set[tuple[str, int]] = field(default_factory=set)
    letters: list[RecordDeadLettered] = field(default_factory=list)

    def send(self, *envelopes: Envelope) -> list[Consumed]:
        return [self._send(envelope) for envelope in envelopes]

    def _send(self, envelope: Envelope) -> Consumed:
        encoded = self.codec.encode(envelope)
        topic = topic_of(type(envelope.event)).name
        return self.send_raw(topic, encoded.key, encoded.value, tuple(encoded.headers))

    def send_raw(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: tuple[tuple[str, bytes], ...] = (),
    ) -> Consumed:
        records = self.topics.setdefault(topic, [])
        place = Position(topic=topic, partition=PARTITION, offset=len(records))
        record = Consumed(
            position=place, timestamp_ms=self._tick(), key=key, value=value, headers=headers
        )
        records.append(record)
        return record

    def _tick(self) -> int:
        return sum(map(len, self.topics.values()))

    async def read(self, gap: Gap) -> Stretch:
        topic, _ = gap.partition
        there = self.topics[topic][gap.first : gap.stop]
        kept = tuple(r for r in there if (topic, r.position.offset) not in self.gone)
        return Stretch(partition=gap.partition, first=gap.first, stop=gap.stop, records=kept)

    async def publish(self, *envelopes: Envelope) -> list[Position]:
        events = [envelope.event for envelope in envelopes]
        self.letters += [event for event in events if isinstance(event, RecordDeadLettered)]
        return [Position(topic="mint.deadletter", partition=0, offset=0) for _ in envelopes]


class Clock:
    """A time that goes on by a second with every look."""

    def __init__(self) -> None:
        self.seconds = 1000

    def __call__(self) -> datetime:
        self.seconds += 1
        return g.at(self.seconds)


@dataclass
class Bench:
    """A reconciler and what it works on."""

    pool: asyncpg.Pool
    codec: Codec
    log: Log
    reconciler: Reconciler

    async def happens(self, *events: Event) -> None:
        """The events come from Kafka, in one batch."""
        await self.reconciler.process(self.log.send(*(g.sent(event) for event in events)))

    async def ledger(self, mint_id: str = "mint-1") -> list[Event]:
        """What was decided of a mint."""
        async with self.pool.acquire() as connection:
            stored = await load(connection, mint_id)
        return [decode(self.codec, e).envelope.event for e in stored if not e.received]

    async def kinds(self, mint_id: str = "mint-1") -> list[str]:
        return [type(event).__name__ for event in await self.ledger(mint_id)]

    async def rows(self, query: str, *arguments: object) -> list[dict[str, object]]:
        return [dict(row) for row in await self.pool.fetch(query, *arguments)]

    async def snapshot(self) -> dict[str, list[dict[str, object]]]:
        """Everything in the database."""
        tables = await self.rows(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        )
        names = sorted(str(row["table_name"]) for row in tables)
        return {name: await self.rows(f'SELECT * FROM "{name}" ORDER BY 1, 2') for name in names}


def nothing_is_held(_: Partition) -> bool:
    return False


def reconciler_on(
    pool: asyncpg.Pool,
    log: Log,
    policy: Policy = g.POLICY,
    holds: Callable[[Partition], bool] = nothing_is_held,
) -> Reconciler:
    clock = Clock()
    return Reconciler(
        database=GuardedDatabase(pool, "test", patience=0.01),
        codec=log.codec,
        writer=BatchWriter(pool, log.codec, policy, clock),
        dead_letters=log,
        records=log,
        holds=holds,
        now=clock,
    )


@pytest.fixture(scope="session")
def codec() -> Codec:
    return Codec()


@pytest_asyncio.fixture(loop_scope="session")
async def pool(database: Database) -> AsyncIterator[asyncpg.Pool]:
    async with db.connect(database.socket_dsn(), 6) as pool:
        await db.prepare(pool)
        yield pool


@pytest.fixture
def bench(pool: asyncpg.Pool, codec: Codec) -> Bench:
    log = Log(codec)
    return Bench(pool, codec, log, reconciler_on(pool, log))


def whole_mint(mint_id: str = "mint-1") -> Sequence[Event]:
    """What the other services say of a mint that goes well."""
    return (
        g.request(mint_id),
        g.pinned(mint_id),
        g.confirmed(mint_id),
        g.phase(1, mint_id=mint_id),
        g.phase(2, mint_id=mint_id),
    )


@pytest_asyncio.fixture(loop_scope="session")
async def world(
    kafka: KafkaCluster, database: Database, topic_prefix: str, codec: Codec, tmp_path: Path
) -> AsyncIterator[World]:
    async with around(kafka, database, topic_prefix, codec, tmp_path) as world:
        yield world

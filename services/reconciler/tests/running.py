"""The reconciler as a process on real Kafka and PostgreSQL, with a test in the others' place."""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from mint_events.admin import ensure_topics
from mint_events.bus import Cluster, Publisher
from mint_events.catalogue import Event, Layer, LayerHealthReported
from mint_events.codec import Codec
from mint_events.envelope import Received, root
from mint_events.topics import DEADLETTER, LEDGER
from mint_sandbox.kafka import KafkaCluster
from mint_sandbox.postgres import Database
from mint_sandbox.process import ChildProcess, Command
from reconciler import database as db
from reconciler.stream import GROUP, MOST_RECORDS

from . import given as g

PATIENCE = 60.0
PARTITIONS = 4


@dataclass
class Ledger:
    """What the reconciler has published, as a consumer sees it."""

    received: list[Received] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, event: Received) -> None:
        self.received.append(event)
        self._news.set()

    def of(self, mint_id: str) -> list[str]:
        """Types of a mint's events, each event once."""
        events = {e.envelope.id: e.envelope for e in self.received}
        return [e.type for e in events.values() if e.mint_id == mint_id]

    def by_mint(self) -> dict[str, list[str]]:
        events = {e.envelope.id: e.envelope for e in self.received}
        found: dict[str, list[str]] = defaultdict(list)
        for envelope in events.values():
            found[envelope.mint_id].append(envelope.type)
        return found

    async def until(self, holds: Callable[[], bool], what: str = "") -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while not holds():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError as error:
            raise AssertionError(f"never came: {what}; there is {dict(self.by_mint())}") from error


class Scraped:
    """The metrics of a process."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def value(self, sample: str) -> float:
        async with httpx.AsyncClient() as http:
            text = (await http.get(f"{self._address}/metrics")).text
        found = [line for line in text.splitlines() if line.startswith(f"{sample} ")]
        return float(found[0].split()[-1])

    async def total(self, name: str, label: str) -> float:
        """The sum over all samples of that name that have the label."""
        async with httpx.AsyncClient() as http:
            text = (await http.get(f"{self._address}/metrics")).text
        found = [line for line in text.splitlines() if line.startswith(f"{name}{{")]
        return sum(float(line.split()[-1]) for line in found if label in line)

    async def until_total(self, name: str, label: str, expected: float) -> None:
        value = None
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while (value := await self.total(name, label)) != expected:  # noqa: ASYNC110 - remote
                    await asyncio.sleep(0.1)
        assert value == expected, (name, label)

    async def until(self, sample: str, expected: float) -> None:
        value = None
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while (value := await self.value(sample)) != expected:  # noqa: ASYNC110 - remote
                    await asyncio.sleep(0.1)
        assert value == expected, sample


@dataclass
class World:
    """Everything around the reconciler."""

    cluster: Cluster
    database: Database
    codec: Codec
    publisher: Publisher
    pool: asyncpg.Pool
    ledger: Ledger
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    async def happens(self, *events: Event) -> None:
        """Other services publish, in this order."""
        await self.publisher.publish(*(g.sent(event) for event in events))

    async def layer(self, layer: Layer, fault: str | None = None, *, seconds: float = 3600) -> None:
        """Its owner says that a layer is well, or what is wrong; that holds for so many seconds."""
        report = LayerHealthReported(
            layer=layer,
            instance="test",
            fault=fault,
            valid_seconds=seconds,
            authorities=(g.AUTHORITY,),
        )
        await self.says(report)

    async def says(self, event: Event) -> None:
        """Somebody publishes an event, now."""
        now = datetime.now(UTC)
        await self.publisher.publish(root(event, id=uuid4(), source="/test", time=now))

    async def until(self, query: str, expected: object) -> None:
        """Wait until the query's only value is this."""
        value: object = None
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while (value := await self.pool.fetchval(query)) != expected:  # noqa: ASYNC110 - remote
                    await asyncio.sleep(0.05)
        assert value == expected, query

    async def until_ready(self, process: ChildProcess) -> str:
        """Wait until `/readyz` says so; gives the process's address."""
        address = str((await process.ready_line())["http"])
        async with aiohttp.ClientSession() as http:

            async def ready() -> bool:
                async with http.get(f"{address}/readyz") as answer:
                    return answer.status == 200

            await process.until(ready, within=PATIENCE, what="readiness")
        return address

    async def move_group(self, to_the_ends: bool) -> None:
        """Make Kafka believe that the group has worked on everything, or on nothing."""
        options = self.cluster.client_options()
        group = self.cluster.prefixed(GROUP)
        consumer = AIOKafkaConsumer(**options, group_id=group, enable_auto_commit=False)
        names = [self.cluster.prefixed(topic.name) for topic in MOST_RECORDS]
        partitions = [TopicPartition(name, n) for name in names for n in range(PARTITIONS)]
        await consumer.start()
        try:
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            await consumer.commit(ends if to_the_ends else dict.fromkeys(partitions, 0))
        finally:
            await consumer.stop()

    @asynccontextmanager
    async def reconciler(self, name: str = "reconciler") -> AsyncIterator[ChildProcess]:
        """A running process, stopped cleanly at the end unless it was killed."""
        process = ChildProcess(name, self._command(), self.folder)
        process.spawn()
        try:
            yield process
        finally:
            await process.stop(patience=20)

    def _command(self) -> Command:
        environment = {
            "TRIMINT_KAFKA_BROKERS": ",".join(self.cluster.brokers),
            "TRIMINT_KAFKA_TOPIC_PREFIX": self.cluster.prefix,
            "TRIMINT_DATABASE_URL": self.database.dsn(),
            "TRIMINT_SOLANA_AUTHORITY": g.AUTHORITY,
            "TRIMINT_IMAGE_MAX_BYTES": str(g.MEDIA.image_max_bytes),
            **self.settings,
        }
        return Command((sys.executable, "-m", "reconciler"), env=environment)


@asynccontextmanager
async def following(cluster: Cluster, codec: Codec) -> AsyncIterator[Ledger]:
    """Read the ledger and the dead letters from their beginning."""
    ledger = Ledger()
    topics = [cluster.prefixed(topic.name) for topic in (LEDGER, DEADLETTER)]
    consumer = AIOKafkaConsumer(*topics, **cluster.client_options(), auto_offset_reset="earliest")
    await consumer.start()
    reading = asyncio.create_task(_read(consumer, cluster, codec, ledger))
    try:
        yield ledger
    finally:
        reading.cancel()
        await asyncio.wait([reading])
        await consumer.stop()


async def _read(consumer: Any, cluster: Cluster, codec: Codec, ledger: Ledger) -> None:
    async for r in consumer:
        topic = cluster.unprefixed(r.topic)
        ledger.add(
            codec.decode(topic, r.partition, r.offset, r.timestamp, r.key, r.value, r.headers)
        )


@asynccontextmanager
async def around(
    kafka: KafkaCluster, database: Database, prefix: str, codec: Codec, folder: Path
) -> AsyncIterator[World]:
    """Topics and tables of this test's own."""
    cluster = Cluster(brokers=tuple(kafka.brokers.split(",")), prefix=prefix)
    await ensure_topics(cluster, partitions=PARTITIONS)
    pool = db.connect(database.socket_dsn(), 2)
    async with pool, Publisher(cluster, codec) as publisher, following(cluster, codec) as ledger:
        await db.prepare(pool)
        world = World(cluster, database, codec, publisher, pool, ledger, folder)
        for layer in (Layer.IPFS, Layer.SOLANA):
            await world.layer(layer)
        yield world

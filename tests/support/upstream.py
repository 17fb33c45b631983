"""An upstream system: it publishes requests, and reads on the ledger how they ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, TopicPartition

from mint_events.bus import Cluster, Position, Publisher, Record
from mint_events.catalogue import (
    Event,
    InterventionRequired,
    MintCompleted,
    MintFailed,
    MintRejected,
    MintRequested,
)
from mint_events.codec import Codec
from mint_events.envelope import Received, root
from mint_events.topics import DEADLETTER, LEDGER, REQUESTS, Topic

E = TypeVar("E", bound=Event)

ENDS = (MintCompleted, MintRejected, MintFailed, InterventionRequired)


class Upstream:
    """Publishes requests, and collects what the ledger and the dead-letter topic say."""

    def __init__(self, publisher: Publisher, reader: AIOKafkaConsumer, cluster: Cluster) -> None:
        self._publisher = publisher
        self._reader = reader
        self._cluster = cluster
        self._codec = Codec()
        self.seen: list[Received] = []

    async def request(self, *requests: MintRequested) -> None:
        """Publish requests; each time is a new record with a new event id."""
        now = datetime.now(UTC)
        events = [root(request, id=uuid4(), source="test", time=now) for request in requests]
        await self._publisher.publish(*events)

    async def send_raw(
        self, value: bytes, *, key: bytes = b"raw", headers: tuple[tuple[str, bytes], ...] = ()
    ) -> Position:
        """Publish any bytes on `mint.requests`."""
        record = Record(topic=REQUESTS.name, key=key, value=value, headers=headers)
        return (await self._publisher.send(record))[0]

    async def ends(self, mint_ids: Iterable[str], *, within: float) -> dict[str, Event]:
        """How each of the mints ended, once all of them have.

        Raises `TimeoutError` that names those which did not within so many seconds.
        """
        wanted = set(mint_ids)
        try:
            async with asyncio.timeout(within):
                while wanted - self._ended().keys():
                    await self._read()
        except TimeoutError:
            missing = sorted(wanted - self._ended().keys())
            raise TimeoutError(
                f"{len(missing)} of {len(wanted)} mints have no end after {within} s: {missing[:9]}"
            ) from None
        return {mint_id: self._ended()[mint_id] for mint_id in wanted}

    async def first(self, kind: type[E], *, mint_id: str, within: float = 60.0) -> E:
        """The first event of a type about a mint; waits for it. Raises `TimeoutError`."""
        async with asyncio.timeout(within):
            while True:
                for event in self.events(mint_id):
                    if isinstance(event, kind):
                        return event
                await self._read()

    def events(self, mint_id: str) -> list[Event]:
        """What has been read about a mint so far."""
        return [
            received.envelope.event
            for received in self.seen
            if received.envelope.subject == mint_id
        ]

    async def until(self, count: int, kind: type[Event], *, within: float) -> None:
        """Wait until so many events of a type have been read. Raises `TimeoutError`."""
        async with asyncio.timeout(within):
            while self._count(kind) < count:
                await self._read()

    async def progress(self, events: int, *, within: float) -> None:
        """Wait until so many more records have been read. Raises `TimeoutError`."""
        wanted = len(self.seen) + events
        async with asyncio.timeout(within):
            while len(self.seen) < wanted:
                await self._read()

    def _count(self, kind: type[Event]) -> int:
        return sum(isinstance(received.envelope.event, kind) for received in self.seen)

    def _ended(self) -> dict[str, Event]:
        events = (received.envelope.event for received in self.seen)
        return {event.mint_id: event for event in events if isinstance(event, ENDS)}

    async def _read(self) -> None:
        batches = await self._reader.getmany(timeout_ms=200)
        self.seen += [self._decoded(record) for batch in batches.values() for record in batch]

    def _decoded(self, record: Any) -> Received:
        return self._codec.decode(
            self._cluster.unprefixed(record.topic),
            record.partition,
            record.offset,
            record.timestamp,
            record.key,
            record.value,
            record.headers,
        )


@asynccontextmanager
async def upstream(
    cluster: Cluster, topics: tuple[Topic, ...] = (LEDGER, DEADLETTER)
) -> AsyncIterator[Upstream]:
    """An upstream system that reads `topics` from their beginning."""
    reader = AIOKafkaConsumer(**cluster.client_options(), auto_offset_reset="earliest")
    await reader.start()
    try:
        reader.assign(await _partitions(reader, cluster, topics))
        async with Publisher(cluster, Codec()) as publisher:
            yield Upstream(publisher, reader, cluster)
    finally:
        await reader.stop()


async def _partitions(
    reader: AIOKafkaConsumer, cluster: Cluster, topics: tuple[Topic, ...]
) -> list[TopicPartition]:
    names = [cluster.prefixed(topic.name) for topic in topics]
    await reader._client.force_metadata_update()  # it has no public way
    return [
        TopicPartition(name, partition)
        for name in names
        for partition in sorted(reader.partitions_for_topic(name) or ())
    ]

"""A compacted topic as the table that it is: what it holds now, as often as it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from mint_events.bus.cluster import Cluster
from mint_events.bus.failing import kafka_failures
from mint_events.bus.history import decoded, partitions_of
from mint_events.bus.reader import disconnect
from mint_events.bus.starting import start_client
from mint_events.codec import Codec
from mint_events.envelope import Received
from mint_events.topics import Topic

_POLL_MS = 100
_FETCH_MS = 20
"""How long the broker keeps a fetch that finds nothing. Until it answers, a partition that was
just read is in no fetch, for aiokafka has one at a time: by default readings would take 500 ms."""


class CompactedTopic:
    """Follows all partitions of a topic. `async with` connects and disconnects.

    It holds the newest record of each key in memory, so it suits topics that hold little, or a
    short life; of any other, it can be told to hold only the `newest` keys of each partition.
    """

    def __init__(
        self, cluster: Cluster, codec: Codec, topic: Topic, *, newest: int | None = None
    ) -> None:
        self._cluster = cluster
        self._codec = codec
        self._topic = topic
        self._kafka: AIOKafkaConsumer | None = None
        self._partitions: list[TopicPartition] = []
        self._limit = newest
        self._held: dict[int, dict[bytes, Received]] = {}
        self._reading = asyncio.Lock()
        self._begun = 0
        self._done = 0

    async def __aenter__(self) -> CompactedTopic:
        """Connect. Raises `Outage` when no broker answers, `Transient` when there is no topic."""
        self._partitions = await partitions_of(self._cluster, self._topic)
        self._kafka = await start_client(self._client, self._cluster)
        self._kafka.assign(self._partitions)
        with kafka_failures(f"{self._topic.name} can not be read", self._cluster):
            await self._kafka.seek_to_beginning(*self._partitions)
        return self

    def _client(self) -> AIOKafkaConsumer:
        options = self._cluster.client_options()
        return AIOKafkaConsumer(**options, fetch_max_wait_ms=_FETCH_MS)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self._kafka is not None:
            await disconnect(self._kafka)

    async def present(self) -> Mapping[bytes, Received]:
        """What it holds of the topic: up to what was acknowledged when this was called, or later.

        Raises `Outage` when Kafka does not answer, another failure by what it answers, and `Poison`
        for what can not be decoded.
        """
        wanted = self._begun + 1
        with kafka_failures(f"{self._topic.name} can not be read", self._cluster):
            async with self._reading:
                await self._read_once(wanted)
        return {key: record for held in self._held.values() for key, record in held.items()}

    async def _read_once(self, wanted: int) -> None:
        """One reading serves all who have asked before it began."""
        if self._done >= wanted:
            return
        self._begun += 1
        begun = self._begun
        await self._catch_up()
        self._done = begun

    async def _catch_up(self) -> None:
        kafka = self._kafka
        if kafka is None:
            raise RuntimeError("not connected: use `async with`")
        ends = await kafka.end_offsets(self._partitions)
        for partition, end in ends.items():
            while (taken := await kafka.position(partition)) < end:
                try:
                    for record in await self._poll(kafka, partition):
                        await self._take(record)
                        taken = record.offset + 1
                except BaseException:
                    # Cancelled or not decodable: what was polled and not taken is read once more.
                    kafka.seek(partition, taken)
                    raise

    async def _poll(self, kafka: AIOKafkaConsumer, partition: TopicPartition) -> list[Any]:
        polled = await kafka.getmany(partition, timeout_ms=_POLL_MS)
        records: list[Any] = polled.get(partition, [])
        return records

    async def _take(self, record: Any) -> None:
        held = self._held.setdefault(record.partition, {})
        if record.value is None:
            held.pop(record.key, None)
            return
        await self._codec.prepare((record.value,))
        received = decoded(self._codec, self._topic.name, record)
        held.pop(record.key, None)
        held[record.key] = received
        if self._limit is not None and len(held) > self._limit:
            del held[next(iter(held))]

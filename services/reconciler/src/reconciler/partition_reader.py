"""Reading a piece of a partition once more, beside faust, by a plain consumer without a group."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from mint_events.bus import Cluster, Position
from mint_events.bus.failing import kafka_failures
from mint_events.bus.record import Consumed
from mint_events.bus.starting import start_client
from mint_events.topics import Topic
from mint_resilience.failures import Transient
from reconciler.offsets import Gap, Partition, Stretch

_POLL_MS = 200
_PATIENCE = 30.0
"""Seconds without an answer after which the attempt counts as failed."""


class PartitionReader:
    """Connects when it is first asked; one reading at a time.

    `topics` are those whose `ends` it tells; partitions that they get later are not among them.
    """

    def __init__(self, cluster: Cluster, topics: Sequence[Topic], most_records: int) -> None:
        self._cluster = cluster
        self._topics = topics
        self._most = most_records
        self._consumer: AIOKafkaConsumer | None = None
        self._partitions: list[Partition] = []
        self._turn = asyncio.Lock()

    async def read(self, gap: Gap) -> Stretch:
        """The first records of the gap, or all; the stretch ends where reading has come to.

        Offsets within it at which there is no record are gone from Kafka, or never were one.
        Raises `Outage` or `Transient` when Kafka does not answer.
        """
        tp = self._topic_partition(gap.partition)
        with kafka_failures(f"{tp.topic}/{tp.partition} can not be read", self._cluster):
            async with self._turn, asyncio.timeout(_PATIENCE):
                return await self._read(await self._connected(), tp, gap)

    async def ends(self) -> dict[Partition, int]:
        """The offset that the next record of each partition will get. Raises as `read` does."""
        with kafka_failures("the ends of the partitions can not be read", self._cluster):
            async with self._turn, asyncio.timeout(_PATIENCE):
                consumer = await self._connected()
                asked = {self._topic_partition(each): each for each in self._partitions}
                found = await consumer.end_offsets(list(asked))
        return {asked[tp]: end for tp, end in found.items()}

    async def close(self) -> None:
        """Disconnect."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            self._consumer = await start_client(self._new_consumer, self._cluster)
            self._partitions = [
                (topic.name, number)
                for topic in self._topics
                for number in self._consumer.partitions_for_topic(self._name(topic)) or ()
            ]
            self._consumer.unsubscribe()
        return self._consumer

    def _new_consumer(self) -> AIOKafkaConsumer:
        # A place that was deleted already is passed by going on at the oldest that is there.
        # It subscribes to learn the topics' partitions; reading assigns them one by one.
        names = [self._name(topic) for topic in self._topics]
        options = self._cluster.client_options()
        return AIOKafkaConsumer(*names, **options, auto_offset_reset="earliest")

    def _name(self, topic: Topic) -> str:
        return self._cluster.prefixed(topic.name)

    async def _read(self, consumer: AIOKafkaConsumer, tp: TopicPartition, gap: Gap) -> Stretch:
        consumer.assign([tp])
        consumer.seek(tp, gap.first)
        records: list[Any] = []
        while not records and await consumer.position(tp) < gap.stop:
            found = await consumer.getmany(tp, timeout_ms=_POLL_MS, max_records=self._most)
            records = [record for record in found.get(tp, []) if record.offset < gap.stop]
        came_to = await consumer.position(tp)
        if came_to <= gap.first:
            raise Transient(f"{tp.topic}/{tp.partition} ends at {came_to}, before {gap.first}")
        return Stretch(
            partition=gap.partition,
            first=gap.first,
            stop=min(came_to, gap.stop),
            records=tuple(self._consumed(gap.partition, record) for record in records),
        )

    def _topic_partition(self, partition: Partition) -> TopicPartition:
        topic, number = partition
        return TopicPartition(self._cluster.prefixed(topic), number)

    @staticmethod
    def _consumed(partition: Partition, record: Any) -> Consumed:
        topic, number = partition
        return Consumed(
            position=Position(topic=topic, partition=number, offset=record.offset),
            timestamp_ms=record.timestamp,
            key=record.key,
            value=record.value,
            headers=tuple(record.headers),
        )

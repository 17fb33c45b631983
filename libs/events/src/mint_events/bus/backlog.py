"""What is parked on the partitions that we were given, read before their first record."""

from __future__ import annotations

from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from mint_events.bus.cluster import Cluster
from mint_events.bus.delay import lane_of, read_parked
from mint_events.bus.failing import kafka_failures
from mint_events.bus.history import Stretches, read, whole
from mint_events.bus.parking import ParkedRecord
from mint_events.bus.reader import connected_reader
from mint_events.bus.record import Position


async def read_backlog(
    member: AIOKafkaConsumer, cluster: Cluster, partitions: list[TopicPartition]
) -> list[ParkedRecord]:
    """The parked records from the group's offset to the present end of these partitions.

    `member` asks for the group's offsets; a connection for reading is made only when there is
    something to read. Raises `Outage` when Kafka does not answer, another failure by its answer.
    """
    with kafka_failures("what is parked is not known", cluster):
        stretches = await _stretches(member, partitions)
    if not stretches:
        return []
    async with connected_reader(cluster, "what is parked") as reader:
        records = [_parked(cluster, raw) async for raw in read(reader, stretches)]
    return [record for record in records if record is not None]


async def _stretches(member: AIOKafkaConsumer, partitions: list[TopicPartition]) -> Stretches:
    if not partitions:
        return {}
    found = {}
    for tp, kept in (await whole(member, partitions)).items():
        committed = await member.committed(tp)
        rest = range(max(committed or 0, kept.start), kept.stop)
        if rest:
            found[tp] = rest
    return found


def _parked(cluster: Cluster, raw: Any) -> ParkedRecord | None:
    parked = read_parked(raw.headers)
    if parked is None:
        return None
    topic = cluster.unprefixed(raw.topic)
    return ParkedRecord(
        lane=lane_of(raw.key, raw.headers, topic, raw.partition),
        level=parked.level,
        position=Position(topic=topic, partition=raw.partition, offset=raw.offset),
    )

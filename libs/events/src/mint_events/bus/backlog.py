"""What is parked on the partitions that we were given, read before their first record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from mint_events.bus.cluster import Cluster
from mint_events.bus.delay import is_parked, lane_of
from mint_events.bus.parking import Parked
from mint_events.bus.record import Position
from mint_events.bus.starting import start_client

_POLL_MS = 200


async def read_backlog(
    member: AIOKafkaConsumer, cluster: Cluster, partitions: list[TopicPartition]
) -> list[Parked]:
    """The parked records from the group's offset to the present end of these partitions.

    `member` asks for the group's offsets; a connection for reading is made only when there is
    something to read. Raises `Outage` or aiokafka's error when Kafka does not answer.
    """
    stretches = await _stretches(member, partitions)
    if not stretches:
        return []
    reader = await start_client(lambda: AIOKafkaConsumer(**cluster.client_options()), cluster)
    try:
        return [parked async for parked in _read(reader, cluster, stretches)]
    finally:
        await reader.stop()


async def _stretches(
    member: AIOKafkaConsumer, partitions: list[TopicPartition]
) -> dict[TopicPartition, range]:
    if not partitions:
        return {}
    begins: Mapping[TopicPartition, int] = await member.beginning_offsets(partitions)
    ends: Mapping[TopicPartition, int] = await member.end_offsets(partitions)
    found = {}
    for tp in partitions:
        committed = await member.committed(tp)
        first = begins[tp] if committed is None else max(committed, begins[tp])
        if first < ends[tp]:
            found[tp] = range(first, ends[tp])
    return found


async def _read(
    reader: AIOKafkaConsumer, cluster: Cluster, stretches: dict[TopicPartition, range]
) -> Any:
    reader.assign(list(stretches))
    for tp, stretch in stretches.items():
        reader.seek(tp, stretch.start)
    for tp, stretch in stretches.items():
        while await reader.position(tp) < stretch.stop:
            for raw in (await reader.getmany(tp, timeout_ms=_POLL_MS)).get(tp, []):
                if is_parked(raw.headers):
                    yield _parked(cluster, raw)


def _parked(cluster: Cluster, raw: Any) -> Parked:
    topic = cluster.unprefixed(raw.topic)
    return Parked(
        lane=lane_of(raw.key, raw.headers, topic, raw.partition),
        position=Position(topic=topic, partition=raw.partition, offset=raw.offset),
    )

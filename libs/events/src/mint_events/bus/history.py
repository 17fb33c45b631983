"""What lies in a topic by now, read without being a member of any group."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from mint_events.bus.brokers import connected_admin, partition_counts
from mint_events.bus.cluster import Cluster
from mint_events.bus.reader import connected_reader
from mint_events.codec import Codec
from mint_events.envelope import Received
from mint_events.topics import Topic
from mint_resilience.failures import Poison, Transient

_POLL_MS = 200

Stretches = Mapping[TopicPartition, range]
"""Offsets of partitions."""


async def whole(kafka: AIOKafkaConsumer, partitions: Iterable[TopicPartition]) -> Stretches:
    """From the first offset that is kept to the present end."""
    named = list(partitions)
    begins: Mapping[TopicPartition, int] = await kafka.beginning_offsets(named)
    ends: Mapping[TopicPartition, int] = await kafka.end_offsets(named)
    return {tp: range(begins[tp], ends[tp]) for tp in named}


async def read(kafka: AIOKafkaConsumer, stretches: Stretches) -> AsyncIterator[Any]:
    """The raw records of these stretches, partition by partition; `kafka` is assigned to them."""
    kafka.assign(list(stretches))
    for tp, stretch in stretches.items():
        kafka.seek(tp, stretch.start)
    for tp, stretch in stretches.items():
        while await kafka.position(tp) < stretch.stop:
            for raw in (await kafka.getmany(tp, timeout_ms=_POLL_MS)).get(tp, []):
                yield raw


async def partitions_of(cluster: Cluster, topic: Topic) -> list[TopicPartition]:
    """All partitions of a topic.

    Raises `Outage` when no broker answers, `Transient` when there is no such topic: a consumer
    would wait for it for ever.
    """
    name = cluster.prefixed(topic.name)
    async with connected_admin(cluster) as admin:
        count = (await partition_counts(admin)).get(name, 0)
    if not count:
        raise Transient(f"no such topic: {topic.name}; create it with `trimint topics`")
    return [TopicPartition(name, number) for number in range(count)]


async def read_topic(
    cluster: Cluster, codec: Codec, topic: Topic
) -> AsyncIterator[Received | Poison]:
    """All records of a topic, those that can not be decoded as what is wrong with them.

    Raises as `partitions_of`, and what goes wrong on the way by its class.
    """
    partitions = await partitions_of(cluster, topic)
    async with connected_reader(cluster, topic.name) as kafka:
        async for raw in read(kafka, await whole(kafka, partitions)):
            await codec.prepare((raw.value,))
            try:
                yield decoded(codec, topic.name, raw)
            except Poison as poison:
                yield poison


def decoded(codec: Codec, topic: str, raw: Any) -> Received:
    """A raw record of a topic (its name without prefix). Raises `Poison`."""
    return codec.decode(
        topic, raw.partition, raw.offset, raw.timestamp, raw.key, raw.value, raw.headers
    )

"""The present content of a compacted topic: the newest record of each key."""

from __future__ import annotations

from aiokafka import TopicPartition

from mint_events.bus.cluster import Cluster
from mint_events.bus.history import decoded, read, whole
from mint_events.bus.reader import connected_reader
from mint_events.codec import Codec
from mint_events.envelope import Received
from mint_events.topics import Topic


async def latest_by_key(
    cluster: Cluster, codec: Codec, topic: Topic, partition: int
) -> dict[bytes, Received]:
    """Read a partition from its beginning to its present end; deleted keys are left out.

    Raises `Outage` when no broker answers, another failure by what it answers, and `Poison` for a
    record that can not be decoded.
    """
    async with connected_reader(cluster, topic.name) as kafka:
        stretch = await whole(kafka, [TopicPartition(cluster.prefixed(topic.name), partition)])
        raw = [record async for record in read(kafka, stretch)]
    newest = {record.key: record for record in raw if record.key is not None}
    present = [record for record in newest.values() if record.value is not None]
    await codec.prepare(record.value for record in present)
    return {record.key: decoded(codec, topic.name, record) for record in present}

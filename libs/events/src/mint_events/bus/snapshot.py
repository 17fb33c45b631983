"""The present content of a compacted topic: the newest record of each key."""

from __future__ import annotations

from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from mint_events.bus.cluster import Cluster
from mint_events.bus.starting import start_client
from mint_events.codec import Codec
from mint_events.envelope import Received
from mint_events.topics import Topic

_POLL_MS = 500


async def latest_by_key(
    cluster: Cluster, codec: Codec, topic: Topic, partition: int
) -> dict[bytes, Received]:
    """Read a partition from its beginning to its present end; deleted keys are left out.

    Raises `Outage` when no broker answers and `Poison` for a record that can not be decoded.
    """
    kafka = await start_client(lambda: AIOKafkaConsumer(**cluster.client_options()), cluster)
    try:
        raw = await _read_to_the_end(kafka, TopicPartition(cluster.prefixed(topic.name), partition))
    finally:
        await kafka.stop()
    newest = {record.key: record for record in raw if record.key is not None}
    present = [record for record in newest.values() if record.value is not None]
    await codec.prepare(record.value for record in present)
    return {record.key: _decoded(codec, topic, record) for record in present}


async def _read_to_the_end(kafka: AIOKafkaConsumer, tp: TopicPartition) -> list[Any]:
    kafka.assign([tp])
    await kafka.seek_to_beginning(tp)
    end = (await kafka.end_offsets([tp]))[tp]
    records: list[Any] = []
    while await kafka.position(tp) < end:
        records += (await kafka.getmany(tp, timeout_ms=_POLL_MS)).get(tp, [])
    return records


def _decoded(codec: Codec, topic: Topic, record: Any) -> Received:
    return codec.decode(
        topic.name,
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        record.headers,
    )

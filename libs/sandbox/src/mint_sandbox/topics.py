"""Trimint's topics on a sandbox's Kafka, which creates none by itself."""

from __future__ import annotations

from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from mint_events.topics import TOPICS, Topic

_PARTITIONS: Final = 8


async def create_catalogue_topics(brokers: str, prefix: str) -> None:
    """Create every topic of the catalogue that is not there, under `prefix`."""
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers)
    await admin.start()
    try:
        present = set(await admin.list_topics())
        replicas = len(brokers.split(","))
        wanted = [_new_topic(topic, prefix, replicas) for topic in TOPICS]
        await admin.create_topics([topic for topic in wanted if topic.name not in present])
    finally:
        await admin.close()


def _new_topic(topic: Topic, prefix: str, replicas: int) -> NewTopic:
    return NewTopic(prefix + topic.name, _PARTITIONS, replicas, topic_configs=_kept(topic))


def _kept(topic: Topic) -> dict[str, str]:
    if topic.retention is None:
        return {"cleanup.policy": "compact"}
    return {"retention.ms": str(int(topic.retention.total_seconds() * 1000))}

"""Trimint's topics on a sandbox's Kafka, which creates none by itself."""

from __future__ import annotations

import asyncio
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code

from mint_events.topics import TOPICS, Topic
from mint_sandbox.process import POLL_INTERVAL

_PARTITIONS: Final = 8


async def create_catalogue_topics(brokers: str, prefix: str) -> None:
    """Create every topic of the catalogue that is not there, under `prefix`, and wait for them.

    Raises the `KafkaError` of the first that is refused.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers)
    await admin.start()
    try:
        await _create(admin, prefix, replicas=len(brokers.split(",")))
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, prefix: str, *, replicas: int) -> None:
    present = set(await admin.list_topics())
    wanted = {prefix + topic.name: topic for topic in TOPICS}
    missing = [_new_topic(n, t, replicas) for n, t in wanted.items() if n not in present]
    response = await admin.create_topics(missing)
    for name, code, message in response.topic_errors:
        if code:
            raise for_code(code)(f"topic {name}: {message}")
    while not wanted.keys() <= set(await admin.list_topics()):  # noqa: ASYNC110
        await asyncio.sleep(POLL_INTERVAL)  # brokers learn what the controller did a bit later


def _new_topic(name: str, topic: Topic, replicas: int) -> NewTopic:
    return NewTopic(name, _PARTITIONS, replicas, topic_configs=_kept(topic))


def _kept(topic: Topic) -> dict[str, str]:
    if topic.retention is None:
        return {"cleanup.policy": "compact"}
    return {"retention.ms": str(int(topic.retention.total_seconds() * 1000))}

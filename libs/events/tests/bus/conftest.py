"""A deployment of its own on the shared broker for every test of the bus."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from mint_events.admin import ensure_topics
from mint_events.bus import Cluster, Publisher
from mint_events.codec import Codec
from mint_events.topics import DEADLETTER
from mint_sandbox.kafka import KafkaCluster

from .support import INPUT, OTHER, OUTPUT, PARTITIONS, STATE, Bus


@pytest_asyncio.fixture(loop_scope="session")
async def bus(kafka: KafkaCluster, topic_prefix: str) -> AsyncIterator[Bus]:
    cluster = Cluster(brokers=tuple(kafka.brokers.split(",")), prefix=topic_prefix)
    await ensure_topics(cluster, (INPUT, OTHER, OUTPUT, STATE, DEADLETTER), partitions=PARTITIONS)
    codec = Codec()
    async with Publisher(cluster, codec) as publisher:
        yield Bus(cluster, codec, publisher)

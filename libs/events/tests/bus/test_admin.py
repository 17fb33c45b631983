"""Topics are made as they should be, and making them again changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from mint_events.admin import ensure_topics
from mint_events.topics import Topic
from mint_resilience.failures import Permanent

from .support import STATE, Bus

KEPT = Topic(name="kept", writer="test", events=(), retention=timedelta(days=3))


async def settings(bus: Bus, topic: Topic) -> dict[str, str]:
    admin = AIOKafkaAdminClient(**bus.cluster.client_options())
    await admin.start()
    try:
        name = bus.cluster.prefixed(topic.name)
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    finally:
        await admin.close()
    ((*_, entries),) = answer.resources
    return {entry[0]: entry[1] for entry in entries}


@pytest.mark.requirement("DE-3")
async def test_a_topic_has_its_retention_cleanup_and_room_for_the_largest_record(
    bus: Bus,
) -> None:
    assert await ensure_topics(bus.cluster, [KEPT], partitions=2) == ["kept"]
    kept, compacted = await settings(bus, KEPT), await settings(bus, STATE)
    assert kept["retention.ms"] == str(3 * 24 * 3600 * 1000)
    assert kept["cleanup.policy"] == "delete"
    assert compacted["cleanup.policy"] == "compact"
    assert int(kept["max.message.bytes"]) >= 12 * 1024 * 1024


async def test_topics_that_are_there_are_left_alone(bus: Bus) -> None:
    assert await ensure_topics(bus.cluster, [KEPT, STATE], partitions=2) == ["kept"]
    assert await ensure_topics(bus.cluster, [KEPT, STATE], partitions=5) == []


async def test_a_topic_that_can_not_be_made_is_named_with_what_to_check(bus: Bus) -> None:
    with pytest.raises(Permanent, match=r"kept can not be created: .*replication"):
        await ensure_topics(bus.cluster, [KEPT], replication=3)

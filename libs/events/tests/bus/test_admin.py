"""Topics are made as they should be, and making them again changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError

from mint_events.admin import ensure_delays, ensure_topics, require_alike
from mint_events.bus import Wait, delay_topic
from mint_events.topics import Topic
from mint_resilience.failures import Outage, Permanent

from .support import STATE, Bus

BOTH = Topic(
    name="both",
    writer="test",
    events=(),
    retention=timedelta(days=1),
    compacted=True,
    segment=timedelta(minutes=10),
)
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


async def test_a_topic_may_keep_the_newest_of_each_key_and_forget_it_after_a_while(
    bus: Bus,
) -> None:
    await ensure_topics(bus.cluster, [BOTH], partitions=2)
    found = await settings(bus, BOTH)
    assert set(found["cleanup.policy"].split(",")) == {"compact", "delete"}
    assert found["retention.ms"] == str(24 * 3600 * 1000)
    assert found["segment.ms"] == str(10 * 60 * 1000)


async def test_topics_that_are_there_are_left_alone(bus: Bus) -> None:
    assert await ensure_topics(bus.cluster, [KEPT, STATE], partitions=2) == ["kept"]
    assert await ensure_topics(bus.cluster, [KEPT, STATE], partitions=5) == []


async def partition_count(bus: Bus, topic: Topic) -> int:
    admin = AIOKafkaAdminClient(**bus.cluster.client_options())
    await admin.start()
    try:
        (found,) = await admin.describe_topics([bus.cluster.prefixed(topic.name)])
    finally:
        await admin.close()
    return len(found["partitions"])


@pytest.mark.requirement("NR-6")
async def test_a_delay_topic_has_a_partition_for_each_of_its_inputs_and_grows_with_them(
    bus: Bus,
) -> None:
    """Given delays of an input, when that has more partitions later, then so have they."""
    small = Topic(name="small", writer="test", events=(), retention=timedelta(days=3))
    large = Topic(name="large", writer="test", events=(), retention=timedelta(days=3))
    await ensure_topics(bus.cluster, [small], partitions=2)
    await ensure_topics(bus.cluster, [large], partitions=5)
    delay = delay_topic("test", Wait(30))
    await ensure_delays(bus.cluster, [delay], [small])
    assert await partition_count(bus, delay) == 2
    await ensure_delays(bus.cluster, [delay], [small, large])
    assert await partition_count(bus, delay) == 5
    await ensure_delays(bus.cluster, [delay], [small])
    assert await partition_count(bus, delay) == 5, "none is ever taken away"


async def test_a_topic_that_can_not_be_made_is_named_with_what_to_check(bus: Bus) -> None:
    with pytest.raises(Permanent, match=r"kept can not be created: .*replication"):
        await ensure_topics(bus.cluster, [KEPT], replication=3)


async def test_brokers_that_go_away_meanwhile_are_a_failure_that_may_be_tried_again(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(_: AIOKafkaAdminClient) -> list[str]:
        raise KafkaConnectionError("the connection was closed")

    monkeypatch.setattr(AIOKafkaAdminClient, "list_topics", gone)
    with pytest.raises(Outage, match="connection was closed"):
        await ensure_topics(bus.cluster, [KEPT])


@pytest.mark.requirement("CH-2")
async def test_topics_between_which_a_key_would_change_its_partition_are_refused(bus: Bus) -> None:
    await ensure_topics(bus.cluster, [KEPT], partitions=3)
    await ensure_topics(bus.cluster, [BOTH], partitions=2)

    await require_alike(bus.cluster, [KEPT, KEPT])
    with pytest.raises(Permanent, match=r"kept has 3, both has 2.*the larger number"):
        await require_alike(bus.cluster, [KEPT, BOTH])

"""A compacted topic is the table of its newest records, as of the moment when it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from mint_events.admin import ensure_topics
from mint_events.bus import Cluster, CompactedTopic, Publisher
from mint_events.catalogue import UnpinBegun
from mint_events.codec import Codec
from mint_events.envelope import Envelope, root
from mint_events.topics import UNPINS
from mint_resilience.failures import Poison, Transient
from mint_sandbox.kafka import KafkaCluster


def begun(mint_id: str, *cids: str) -> Envelope:
    event = UnpinBegun(mint_id=mint_id, cids=cids)
    return root(event, id=uuid4(), source="test", time=datetime.now(UTC))


@pytest.fixture
async def cluster(kafka: KafkaCluster, topic_prefix: str) -> Cluster:
    cluster = Cluster(brokers=tuple(kafka.brokers.split(",")), prefix=topic_prefix)
    await ensure_topics(cluster, [UNPINS])
    return cluster


@pytest.fixture
async def publisher(cluster: Cluster) -> AsyncIterator[Publisher]:
    async with Publisher(cluster, Codec()) as publisher:
        yield publisher


async def held(topic: CompactedTopic) -> set[bytes]:
    return set(await topic.present())


async def test_what_was_acknowledged_before_is_there_and_what_was_deleted_is_not(
    cluster: Cluster, publisher: Publisher
) -> None:
    async with CompactedTopic(cluster, Codec(), UNPINS) as topic:
        assert await held(topic) == set()
        for number in range(20):
            await publisher.publish(begun(f"m-{number}"))
            assert len(await held(topic)) == number + 1
        await publisher.tombstone(UNPINS, "m-7")

        assert await held(topic) == {f"m-{n}".encode() for n in range(20) if n != 7}


async def test_who_asks_at_the_same_time_shares_a_reading_and_sees_what_was_there_when_asking(
    cluster: Cluster, publisher: Publisher
) -> None:
    async with CompactedTopic(cluster, Codec(), UNPINS) as topic:

        async def published_and_held(number: int) -> set[bytes]:
            await publisher.publish(begun(f"m-{number}"))
            return await held(topic)

        seen = await asyncio.gather(*map(published_and_held, range(50)))

        assert all(f"m-{number}".encode() in there for number, there in enumerate(seen))
        assert topic._begun < 50


async def test_of_a_large_topic_only_the_newest_keys_of_each_partition_are_held(
    kafka: KafkaCluster, topic_prefix: str
) -> None:
    cluster = Cluster(brokers=tuple(kafka.brokers.split(",")), prefix=topic_prefix)
    await ensure_topics(cluster, [UNPINS], partitions=1)
    async with (
        Publisher(cluster, Codec()) as publisher,
        CompactedTopic(cluster, Codec(), UNPINS, newest=2) as topic,
    ):
        await publisher.publish(begun("a"), begun("b"))
        assert await held(topic) == {b"a", b"b"}
        await publisher.publish(begun("a"), begun("c"))
        assert await held(topic) == {b"a", b"c"}
        await publisher.tombstone(UNPINS, "a")
        assert await held(topic) == {b"c"}


async def test_the_newest_record_of_a_key_counts(cluster: Cluster, publisher: Publisher) -> None:
    await publisher.publish(begun("m", "old"), begun("m", "new"))

    async with CompactedTopic(cluster, Codec(), UNPINS) as topic:
        [received] = (await topic.present()).values()

    assert received.envelope.event == UnpinBegun(mint_id="m", cids=("new",))


class Interrupted(Codec):
    """A codec in the middle of whose work the reader is cancelled, once."""

    def __init__(self) -> None:
        super().__init__()
        self.interrupt = True

    async def prepare(self, values: Iterable[bytes | None] = ()) -> None:
        await super().prepare(values)
        if self.interrupt:
            self.interrupt = False
            raise asyncio.CancelledError


async def test_a_read_that_was_cancelled_loses_nothing_for_the_next(
    cluster: Cluster, publisher: Publisher
) -> None:
    await publisher.publish(begun("m-1"), begun("m-2"))

    async with CompactedTopic(cluster, Interrupted(), UNPINS) as topic:
        with pytest.raises(asyncio.CancelledError):
            await topic.present()

        assert await held(topic) == {b"m-1", b"m-2"}


async def test_what_can_not_be_decoded_is_never_passed_over(
    cluster: Cluster, publisher: Publisher
) -> None:
    good = publisher.record(begun("m"))
    await publisher.send(type(good)(topic=UNPINS.name, key=b"m", value=b"?"))

    async with CompactedTopic(cluster, Codec(), UNPINS) as topic:
        for _ in range(2):
            with pytest.raises(Poison):
                await topic.present()


async def test_without_the_topic_nothing_can_be_followed(
    kafka: KafkaCluster, topic_prefix: str
) -> None:
    nowhere = Cluster(brokers=tuple(kafka.brokers.split(",")), prefix=topic_prefix + "none.")

    with pytest.raises(Transient, match="no such topic"):
        async with CompactedTopic(nowhere, Codec(), UNPINS):
            pass

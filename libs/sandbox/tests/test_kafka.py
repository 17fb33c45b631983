"""Kafka of the sandbox, through the client that the product uses."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from mint_sandbox.kafka import KafkaCluster
from mint_sandbox.process import StartFailure

TWELVE_MEBIBYTES = 12 * 1024 * 1024


async def create_topic(kafka: KafkaCluster, name: str, replicas: int = 1) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.brokers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 1, replicas)])
    finally:
        await admin.close()


async def publish(kafka: KafkaCluster, topic: str, *values: bytes) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.brokers,
        acks="all",
        enable_idempotence=True,
        max_request_size=2 * TWELVE_MEBIBYTES,
        request_timeout_ms=5000,
        metadata_max_age_ms=1000,
    )
    async with producer:
        for value in values:
            await producer.send_and_wait(topic, value)


async def read(kafka: KafkaCluster, topic: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka.brokers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=2 * TWELVE_MEBIBYTES,
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


async def test_a_record_of_twelve_mebibytes_comes_back_whole(
    kafka: KafkaCluster, unique_name: str
) -> None:
    await create_topic(kafka, unique_name)
    image = bytes(range(256)) * (TWELVE_MEBIBYTES // 256)

    await publish(kafka, unique_name, image)

    assert await read(kafka, unique_name, 1) == [image]


async def test_asking_for_a_topic_does_not_create_it(kafka: KafkaCluster, unique_name: str) -> None:
    async with AIOKafkaProducer(
        bootstrap_servers=kafka.brokers, request_timeout_ms=1000
    ) as producer:
        with pytest.raises(KafkaError):
            await producer.send_and_wait(unique_name, b"for a topic that is not there")

    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.brokers)
    await admin.start()
    assert unique_name not in await admin.list_topics()
    await admin.close()


async def test_acknowledged_records_survive_the_kill_of_the_broker() -> None:
    values = [b"record %d" % number for number in range(200)]
    async with KafkaCluster() as kafka:
        await create_topic(kafka, "survivors")
        await publish(kafka, "survivors", *values)
        brokers = kafka.brokers

        await kafka.kill()
        assert not kafka.node.process.running
        with pytest.raises(KafkaError):
            await publish(kafka, "survivors", b"nobody there")
        await kafka.restart()

        assert kafka.brokers == brokers
        assert await read(kafka, "survivors", len(values)) == values


async def test_three_nodes_go_on_when_one_is_killed() -> None:
    before, after = b"before", b"after"
    async with KafkaCluster(nodes=3) as kafka:
        await create_topic(kafka, "replicated", replicas=3)
        await publish(kafka, "replicated", before)

        await kafka.kill(2)
        await publish(kafka, "replicated", after)
        assert await read(kafka, "replicated", 2) == [before, after]

        await kafka.restart(2)
        await kafka.kill(1)
        assert await read(kafka, "replicated", 2) == [before, after]


async def test_two_clusters_run_side_by_side(kafka: KafkaCluster) -> None:
    async with KafkaCluster() as other:
        await create_topic(other, "same-name")
        await create_topic(kafka, "same-name")
        await publish(other, "same-name", b"other")
        await publish(kafka, "same-name", b"ours")

        assert await read(other, "same-name", 1) == [b"other"]
        assert await read(kafka, "same-name", 1) == [b"ours"]


async def test_kept_records_are_there_at_the_next_start(tmp_path: Path) -> None:
    async with KafkaCluster(keep=tmp_path) as kafka:
        await create_topic(kafka, "kept")
        await publish(kafka, "kept", b"still here")

    async with KafkaCluster(keep=tmp_path) as kafka:
        assert await read(kafka, "kept", 1) == [b"still here"]


async def test_a_kept_cluster_is_not_started_with_another_number_of_nodes(tmp_path: Path) -> None:
    async with KafkaCluster(keep=tmp_path):
        pass

    with pytest.raises(StartFailure, match="kept by a cluster of 1 nodes, not of 3"):
        await KafkaCluster(nodes=3, keep=tmp_path).start()


async def test_a_paused_node_keeps_what_it_is_sent_until_it_is_resumed(unique_name: str) -> None:
    async with KafkaCluster() as kafka:
        await create_topic(kafka, unique_name)
        kafka.pause()
        publishing = asyncio.create_task(publish(kafka, unique_name, b"late"))
        assert not (await asyncio.wait([publishing], timeout=0.5))[0]

        kafka.resume()

        await publishing
        assert await read(kafka, unique_name, 1) == [b"late"]

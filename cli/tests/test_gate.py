"""`trimint gate` on a real Kafka: what it shows, and what it records."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from mint_events.admin import ensure_topics
from mint_events.bus import Cluster, CompactedTopic, Publisher
from mint_events.catalogue import Layer, LayerHealthReported, MaintenanceBegun, MaintenanceEnded
from mint_events.codec import Codec
from mint_events.envelope import root
from mint_events.topics import CONTROL
from mint_sandbox.kafka import KafkaCluster
from trimint.failing import Exit

from .conftest import trimint


@pytest.fixture
async def cluster(kafka: KafkaCluster, topic_prefix: str) -> Cluster:
    cluster = Cluster(brokers=tuple(kafka.brokers.split(",")), prefix=topic_prefix)
    await ensure_topics(cluster, partitions=2, replication=1)
    return cluster


@pytest.fixture
def env(cluster: Cluster) -> dict[str, str]:
    return {
        "TRIMINT_KAFKA_BROKERS": ",".join(cluster.brokers),
        "TRIMINT_KAFKA_TOPIC_PREFIX": cluster.prefix,
    }


@pytest.fixture
async def owners(cluster: Cluster) -> AsyncIterator[Publisher]:
    """The services have said that all is well."""
    async with Publisher(cluster, Codec()) as publisher:
        for layer in Layer:
            report = LayerHealthReported(
                layer=layer, instance="one", fault=None, valid_seconds=3600, authorities=("A",)
            )
            now = datetime.now(UTC)
            await publisher.publish(root(report, id=uuid4(), source="test", time=now))
        yield publisher


async def gate(env: dict[str, str], *arguments: str) -> dict[str, Any]:
    ran = await trimint("gate", *arguments, "--json", env=env)
    assert ran.code == Exit.OK, ran.err
    document: dict[str, Any] = json.loads(ran.out)
    return document


@pytest.mark.requirement("MF-3")
async def test_without_any_report_every_layer_is_closed(env: dict[str, str]) -> None:
    shown = await gate(env, "show")
    assert shown["open"] is False
    causes = {name: layer["reasons"][0]["cause"] for name, layer in shown["layers"].items()}
    assert causes == {"solana": "unknown", "ipfs": "unknown", "database": "unknown"}


@pytest.mark.requirement("MF-3", "CF-3")
async def test_a_layer_is_closed_and_opened_by_hand_and_it_is_recorded_who_and_why(
    env: dict[str, str], owners: Publisher, cluster: Cluster
) -> None:
    async with CompactedTopic(cluster, Codec(), CONTROL) as control:
        assert (await gate(env, "show"))["open"] is True

        closed = await gate(env, "close", "ipfs", "--reason", "upgrade", "--by", "ann")
        (begun,) = (await control.present()).values()
        opened = await gate(env, "open", "ipfs", "--by", "bob")
        (ended,) = (await control.present()).values()

    layers = closed["layers"]
    assert [name for name, layer in layers.items() if not layer["open"]] == ["ipfs"]
    assert layers["ipfs"]["maintenance"][0]["by"] == "ann"
    assert opened["open"] is True
    expected = MaintenanceBegun(layer=Layer.IPFS, by="ann", reason="upgrade")
    assert begun.envelope.event == expected
    assert ended.envelope.event == MaintenanceEnded(layer=Layer.IPFS, by="bob", reason="done")


@pytest.mark.requirement("MF-3")
async def test_it_shows_that_the_authority_of_the_mints_can_not_pay(
    env: dict[str, str], owners: Publisher
) -> None:
    shown = await gate({**env, "TRIMINT_SOLANA_AUTHORITY": "B"}, "show")
    assert "authority B can not pay" in shown["layers"]["solana"]["reasons"][0]["detail"]


async def test_for_a_person_it_is_a_table(env: dict[str, str], owners: Publisher) -> None:
    ran = await trimint("gate", "close", "all", "--reason", "move", "--by", "ann", env=env)
    assert ran.out.count("maintenance: closed by ann: move") == len(Layer)
    assert "one well" in ran.out


@pytest.mark.parametrize(
    "arguments", [("close", "ipfs"), ("close", "ipfs", "--reason", " "), ("open", "nothing")]
)
async def test_it_is_not_closed_without_a_reason_nor_opened_without_a_layer(
    env: dict[str, str], arguments: tuple[str, ...]
) -> None:
    assert (await trimint("gate", *arguments, env=env)).code == Exit.USAGE

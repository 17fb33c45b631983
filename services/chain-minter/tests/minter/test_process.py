"""The minter as a process: from a record in mint.ledger to one in mint.chain."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from aiokafka import AIOKafkaConsumer
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from mint_events.admin import ensure_topics
from mint_events.bus import Cluster, CompactedTopic, Publisher, latest_by_key
from mint_events.catalogue import (
    Layer,
    LayerHealthReported,
    MintCompleted,
    MintConfirmed,
    MintSubmitted,
)
from mint_events.codec import Codec
from mint_events.envelope import Envelope, root
from mint_events.topics import HEALTH, INFLIGHT
from mint_sandbox.authority import fund, write_key_file
from mint_sandbox.kafka import KafkaCluster
from mint_sandbox.process import ChildProcess, Command
from mint_sandbox.python_servers import SolanaServer

from .world import prepared

PARTITIONS = 3
MINTS = 30


@dataclass
class World:
    """Topics and an authority of this test's own, and the environment that points at them."""

    cluster: Cluster
    authority: Pubkey
    env: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.env['TRIMINT_HTTP_PORT']}"

    def prepared(self, mint_id: str) -> Envelope:
        event = prepared(self.authority, mint_id)
        return root(event, id=uuid4(), source="test", time=datetime.now(UTC))


@pytest.fixture
async def world(
    kafka: KafkaCluster, solana: SolanaServer, topic_prefix: str, tmp_path: Path
) -> World:
    return await world_of(kafka, solana, topic_prefix, tmp_path)


@pytest.fixture
async def patient_world(
    kafka: KafkaCluster, topic_prefix: str, tmp_path: Path
) -> AsyncIterator[World]:
    """Its blockhashes are good for a minute, as on the real cluster; a restart takes less."""
    server = SolanaServer()
    await server.start()
    yield await world_of(kafka, server, topic_prefix, tmp_path)
    await server.stop()


async def world_of(
    kafka: KafkaCluster, solana: SolanaServer, topic_prefix: str, folder: Path
) -> World:
    cluster = Cluster(brokers=tuple(kafka.brokers.split(",")), prefix=topic_prefix)
    await ensure_topics(cluster, partitions=PARTITIONS)
    authority, key_file = Keypair(), folder / "authority.json"
    write_key_file(authority, key_file)
    await fund(str(authority.pubkey()), solana.rpc_url)
    env = {
        "TRIMINT_KAFKA_BROKERS": kafka.brokers,
        "TRIMINT_KAFKA_TOPIC_PREFIX": topic_prefix,
        "TRIMINT_SOLANA_RPC_URLS": solana.rpc_url,
        "TRIMINT_SOLANA_AUTHORITY_KEY_FILE": str(key_file),
        "TRIMINT_SOLANA_POLL_SECONDS": "0.1",
        "TRIMINT_HTTP_PORT": str(free_port()),
    }
    return World(cluster, authority.pubkey(), env)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def service(world: World, folder: Path) -> AsyncIterator[ChildProcess]:
    """The service, ready; stopped at the end."""
    child = ChildProcess(
        "chain-minter", Command([sys.executable, "-m", "chain_minter"], world.env), folder
    )
    child.spawn()
    try:
        await child.until(lambda: is_ready(world), within=60, what="readiness")
        yield child
    finally:
        await child.stop()


async def is_ready(world: World) -> bool:
    async with httpx.AsyncClient() as http:
        try:
            answer = await http.get(f"{world.url}/readyz")
        except httpx.ConnectError:
            return False
    return answer.status_code == 200


async def chain_events(world: World) -> AsyncIterator[Envelope]:
    """What is published on mint.chain, from the beginning and without end."""
    codec = Codec()
    consumer = AIOKafkaConsumer(
        world.cluster.prefixed("mint.chain"),
        bootstrap_servers=list(world.cluster.brokers),
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        async for record in consumer:
            headers = tuple(record.headers)
            yield codec.decode("mint.chain", 0, 0, 0, record.key, record.value, headers).envelope
    finally:
        await consumer.stop()


async def events_until_confirmed(world: World, mint_ids: set[str]) -> list[Envelope]:
    """All events up to the one that confirms the last of these mints."""
    missing, seen = set(mint_ids), []
    events = chain_events(world)
    async with asyncio.timeout(120):
        while missing:
            envelope = await anext(events)
            seen.append(envelope)
            if isinstance(envelope.event, MintConfirmed):
                missing.discard(envelope.mint_id)
    await events.aclose()  # type: ignore[attr-defined]  # an async generator has it
    return seen


@pytest.mark.requirement("CH-1", "CH-2")
async def test_a_minter_killed_in_the_middle_goes_on_with_the_same_signatures(
    patient_world: World, tmp_path: Path
) -> None:
    world = patient_world
    mint_ids = {f"mint-{number}" for number in range(MINTS)}
    async with Publisher(world.cluster, Codec()) as publisher:
        async with service(world, tmp_path) as child:
            await publisher.publish(*map(world.prepared, sorted(mint_ids)))
            await until_submitted(world)
            await child.kill()

        async with service(world, tmp_path):
            events = await events_until_confirmed(world, mint_ids)
            await until_nothing_is_in_flight(world)

    signatures: dict[str, set[str]] = {mint_id: set() for mint_id in mint_ids}
    for envelope in events:
        if isinstance(envelope.event, MintSubmitted | MintConfirmed):
            signatures[envelope.mint_id].add(envelope.event.signature)
    assert all(len(each) == 1 for each in signatures.values())


async def until_submitted(world: World) -> None:
    events = chain_events(world)
    async with asyncio.timeout(60):
        await anext(events)
    await events.aclose()  # type: ignore[attr-defined]  # an async generator has it


async def until_nothing_is_in_flight(world: World) -> None:
    """A confirmed mint's in-flight record is deleted, so that the topic stays small."""
    async with asyncio.timeout(30):
        for partition in range(PARTITIONS):
            while await latest_by_key(  # noqa: ASYNC110 - the brokers can only be asked
                world.cluster, Codec(), INFLIGHT, partition
            ):
                await asyncio.sleep(0.05)


async def test_events_of_others_are_passed_over_and_calls_are_measured(
    world: World, tmp_path: Path
) -> None:
    other = MintCompleted(mint_id="other", user_id="u", mint_address="a", metadata_cid="c")
    foreign = root(other, id=uuid4(), source="test", time=datetime.now(UTC))
    async with Publisher(world.cluster, Codec()) as publisher, service(world, tmp_path):
        await publisher.publish(foreign, world.prepared("mint-1"))
        events = await events_until_confirmed(world, {"mint-1"})
        async with httpx.AsyncClient() as http:
            metrics = (await http.get(f"{world.url}/metrics")).text

    assert {envelope.mint_id for envelope in events} == {"mint-1"}
    assert 'trimint_dependency_seconds_count{dependency="solana",endpoint="primary"' in metrics
    assert f'trimint_authority_lamports{{authority="{world.authority}"}}' in metrics


async def test_without_a_chain_the_minter_is_not_ready_and_says_why(
    world: World, tmp_path: Path
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    world.env["TRIMINT_SOLANA_RPC_URLS"] = nobody
    child = ChildProcess(
        "chain-minter", Command([sys.executable, "-m", "chain_minter"], world.env), tmp_path
    )

    async def says_why() -> bool:
        async with httpx.AsyncClient() as http:
            try:
                answer = await http.get(f"{world.url}/readyz")
            except httpx.ConnectError:
                return False
        return answer.status_code == 503 and "primary: ClientConnectorError" in answer.text

    child.spawn()
    try:
        await child.until(says_why, within=60, what="its reason")
    finally:
        await child.stop()


async def reports(topic: CompactedTopic) -> list[LayerHealthReported]:
    """What instances say of their layer at present."""
    events = [received.envelope.event for received in (await topic.present()).values()]
    return [event for event in events if isinstance(event, LayerHealthReported)]


@pytest.mark.requirement("MF-3")
async def test_it_reports_whether_mints_can_be_made_and_paid_and_takes_it_back_when_it_ends(
    world: World, tmp_path: Path
) -> None:
    async with CompactedTopic(world.cluster, Codec(), HEALTH) as topic:
        async with service(world, tmp_path):
            well = await until_reported(topic)
        gone = await reports(topic)

        world.env["TRIMINT_SOLANA_LEAST_LAMPORTS"] = str(10**18)
        child = ChildProcess(
            "poor", Command([sys.executable, "-m", "chain_minter"], world.env), tmp_path
        )
        child.spawn()
        try:
            poor = await until_reported(topic)
        finally:
            await child.stop()

    assert (well.layer, well.fault) == (Layer.SOLANA, None)
    assert well.authorities == (str(world.authority),)
    assert gone == []
    assert poor.fault is not None
    assert f"authority {world.authority} holds" in poor.fault


async def until_reported(topic: CompactedTopic) -> LayerHealthReported:
    async with asyncio.timeout(60):
        while not (found := await reports(topic)):  # noqa: ASYNC110 - the brokers can only be asked
            await asyncio.sleep(0.05)
    return found[0]

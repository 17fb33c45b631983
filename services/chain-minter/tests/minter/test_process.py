"""The minter as a process: from a record in mint.ledger to one in mint.chain."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from mint_events.bus import CompactedTopic, Publisher
from mint_events.catalogue import (
    Layer,
    LayerHealthReported,
    MintCompleted,
    MintConfirmed,
    MintSubmitted,
)
from mint_events.codec import Codec
from mint_events.envelope import root
from mint_events.topics import HEALTH
from mint_sandbox.kafka import KafkaCluster
from mint_sandbox.process import ChildProcess, Command
from mint_sandbox.python_servers import SolanaServer

from .processes import (
    World,
    chain_events,
    events_until,
    free_port,
    service,
    until_nothing_is_in_flight,
    world_of,
)

MINTS = 30


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
            events = await events_until(MintConfirmed, world, mint_ids)
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


async def test_events_of_others_are_passed_over_and_calls_are_measured(
    world: World, tmp_path: Path
) -> None:
    other = MintCompleted(mint_id="other", user_id="u", mint_address="a", metadata_cid="c")
    foreign = root(other, id=uuid4(), source="test", time=datetime.now(UTC))
    async with Publisher(world.cluster, Codec()) as publisher, service(world, tmp_path):
        await publisher.publish(foreign, world.prepared("mint-1"))
        events = await events_until(MintConfirmed, world, {"mint-1"})
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

"""The minter as a process on real brokers, and what it publishes."""

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
from aiokafka import AIOKafkaConsumer
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from mint_events.admin import ensure_topics
from mint_events.bus import Cluster, latest_by_key
from mint_events.catalogue import MetadataUriUpdated, MintConfirmed
from mint_events.codec import Codec
from mint_events.envelope import Envelope, root
from mint_events.topics import INFLIGHT
from mint_sandbox.authority import fund, write_key_file
from mint_sandbox.kafka import KafkaCluster
from mint_sandbox.process import ChildProcess, Command
from mint_sandbox.python_servers import SolanaServer

from .world import prepared

PARTITIONS = 3


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


async def events_until(
    event: type[MintConfirmed | MetadataUriUpdated], world: World, mint_ids: set[str]
) -> list[Envelope]:
    """All events up to the one by which the last of these mints has come to such an event."""
    missing, seen = set(mint_ids), []
    events = chain_events(world)
    async with asyncio.timeout(120):
        while missing:
            envelope = await anext(events)
            seen.append(envelope)
            if isinstance(envelope.event, event):
                missing.discard(envelope.mint_id)
    await events.aclose()  # type: ignore[attr-defined]  # an async generator has it
    return seen


async def until_nothing_is_in_flight(world: World) -> None:
    """A confirmed mint's in-flight record is deleted, so that the topic stays small."""
    async with asyncio.timeout(30):
        for partition in range(PARTITIONS):
            while await latest_by_key(  # noqa: ASYNC110 - the brokers can only be asked
                world.cluster, Codec(), INFLIGHT, partition
            ):
                await asyncio.sleep(0.05)

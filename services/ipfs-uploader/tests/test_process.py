"""The uploader as a process: from a record in mint.ledger to one in mint.ipfs."""

import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from aiokafka import AIOKafkaConsumer

from mint_events.admin import ensure_topics
from mint_events.bus import Cluster, Publisher
from mint_events.catalogue import (
    AssetPinFailed,
    AssetsPinned,
    AssetsUnpinned,
    Event,
    MintAccepted,
    MintRequested,
    UnpinRequested,
)
from mint_events.codec import Codec
from mint_events.envelope import Envelope, root
from mint_sandbox.kafka import KafkaCluster
from mint_sandbox.process import ChildProcess, Command
from mint_sandbox.python_servers import IpfsServer

PNG = b"\x89PNG\r\n\x1a\n" + bytes(300_000)


def request(mint_id: str, image: bytes) -> MintRequested:
    return MintRequested(
        mint_id=mint_id, user_id="u", wallet="w", name="n", symbol="s", level=3, image=image
    )


def accepted(mint_id: str, image: bytes = PNG) -> Envelope:
    event = MintAccepted(mint_id=mint_id, request=request(mint_id, image), arrival=1)
    return root(event, id=uuid4(), source="test", time=datetime.now(UTC))


@pytest.fixture
async def cluster(kafka: KafkaCluster, topic_prefix: str) -> Cluster:
    cluster = Cluster(brokers=tuple(kafka.brokers.split(",")), prefix=topic_prefix)
    await ensure_topics(cluster, replication=1)
    return cluster


@pytest.fixture
async def publisher(cluster: Cluster) -> AsyncIterator[Publisher]:
    async with Publisher(cluster, Codec()) as publisher:
        yield publisher


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(cluster: Cluster, ipfs: IpfsServer) -> dict[str, str]:
    return {
        "TRIMINT_KAFKA_BROKERS": ",".join(cluster.brokers),
        "TRIMINT_KAFKA_TOPIC_PREFIX": cluster.prefix,
        "TRIMINT_PINATA_API_URL": ipfs.pinata_api_url,
        "TRIMINT_PINATA_UPLOAD_URL": ipfs.pinata_upload_url,
        "TRIMINT_PINATA_JWT": ipfs.pinata_jwt,
        "TRIMINT_KUBO_RPC_URL": ipfs.kubo_rpc_url,
        "TRIMINT_IPFS_GATEWAYS": ",".join(ipfs.gateways),
        "TRIMINT_HTTP_PORT": str(free_port()),
    }


@asynccontextmanager
async def service(env: dict[str, str], folder: Path) -> AsyncIterator[ChildProcess]:
    """The service, ready; stopped at the end."""
    command = Command([sys.executable, "-m", "ipfs_uploader"], env)
    child = ChildProcess("ipfs-uploader", command, folder)
    child.spawn()
    try:
        async with httpx.AsyncClient() as http:
            await child.until(lambda: is_ready(http, env), within=60, what="readiness")
        yield child
    finally:
        await child.stop()


async def is_ready(http: httpx.AsyncClient, env: dict[str, str]) -> bool:
    try:
        answer = await http.get(f"http://127.0.0.1:{env['TRIMINT_HTTP_PORT']}/readyz")
    except httpx.ConnectError:
        return False
    return answer.status_code == 200


async def answers(cluster: Cluster, count: int) -> list[Event]:
    """The first events of mint.ipfs, in the order of arrival."""
    consumer = AIOKafkaConsumer(
        f"{cluster.prefix}mint.ipfs",
        bootstrap_servers=list(cluster.brokers),
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        codec = Codec()
        events: list[Event] = []
        while len(events) < count:
            record = await consumer.getone()
            received = codec.decode(
                "mint.ipfs", 0, 0, 0, record.key, record.value, tuple(record.headers)
            )
            events.append(received.envelope.event)
        return events
    finally:
        await consumer.stop()


@pytest.mark.requirement("MF-4")
async def test_accepted_mints_are_answered_and_unpinned_on_request(
    cluster: Cluster, publisher: Publisher, ipfs: IpfsServer, tmp_path: Path
) -> None:
    async with service(environment(cluster, ipfs), tmp_path):
        await publisher.publish(accepted("m-1"), accepted("m-2", b"no image"))
        first = {event.mint_id: event for event in await answers(cluster, 2)}
        pinned = first["m-1"]
        assert isinstance(pinned, AssetsPinned)
        assert isinstance(first["m-2"], AssetPinFailed)

        cids = (pinned.image.cid, pinned.metadata.cid)
        unpin = UnpinRequested(mint_id="m-1", cids=cids)
        await publisher.publish(root(unpin, id=uuid4(), source="test", time=datetime.now(UTC)))
        assert AssetsUnpinned(mint_id="m-1", cids=cids) in await answers(cluster, 3)

    async with httpx.AsyncClient() as http:
        for cid in cids:
            assert (await http.get(f"{ipfs.gateways[0]}/ipfs/{cid}")).status_code == 404


async def test_a_killed_service_goes_on_where_it_stopped(
    cluster: Cluster, publisher: Publisher, ipfs: IpfsServer, tmp_path: Path
) -> None:
    env = environment(cluster, ipfs)
    mints = [f"m-{number}" for number in range(20)]

    async with service(env, tmp_path) as child:
        await publisher.publish(*(accepted(mint_id, PNG + mint_id.encode()) for mint_id in mints))
        await answers(cluster, 5)
        await child.kill()
    async with service(env, tmp_path):
        seen: set[str] = set()
        wanted = 20
        while seen != set(mints):
            events = await answers(cluster, wanted)
            assert all(isinstance(event, AssetsPinned) for event in events)
            seen = {event.mint_id for event in events}
            wanted += 20 - len(seen)


@pytest.mark.requirement("CF-1")
def test_a_missing_token_stops_the_start_with_one_line() -> None:
    env = {**os.environ, "TRIMINT_KAFKA_BROKERS": "127.0.0.1:1"}
    command = [sys.executable, "-m", "ipfs_uploader"]

    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)

    assert ended.returncode == 2
    assert ended.stderr == "TRIMINT_PINATA_JWT: expected a token of Pinata, but it is not set\n"

"""The uploader as processes on the sandbox's IPFS network, and what it says on mint.ipfs."""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import httpx
from aiokafka import AIOKafkaConsumer

from mint_events.bus import Cluster
from mint_events.catalogue import Event, MintAccepted, MintRequested, subject_of
from mint_events.codec import Codec
from mint_events.envelope import Envelope, root
from mint_events.topics import Topic
from mint_sandbox.ipfs.server import IpfsEndpoints
from mint_sandbox.process import ChildProcess, Command

PNG = b"\x89PNG\r\n\x1a\n" + bytes(300_000)

E = TypeVar("E", bound=Event)


def sent(event: Event) -> Envelope:
    """The event, as somebody else publishes it."""
    return root(event, id=uuid4(), source="test", time=datetime.now(UTC))


def accepted(mint_id: str, image: bytes = PNG) -> Envelope:
    request = MintRequested(
        mint_id=mint_id, user_id="u", wallet="w", name="n", symbol="s", level=3, image=image
    )
    return sent(MintAccepted(mint_id=mint_id, request=request, arrival=1))


def environment(cluster: Cluster, ipfs: IpfsEndpoints, **settings: str) -> dict[str, str]:
    """Of one process; `settings` by their names without `TRIMINT_`."""
    return {
        "TRIMINT_KAFKA_BROKERS": ",".join(cluster.brokers),
        "TRIMINT_KAFKA_TOPIC_PREFIX": cluster.prefix,
        "TRIMINT_PINATA_API_URL": ipfs.pinata_api,
        "TRIMINT_PINATA_UPLOAD_URL": ipfs.pinata_upload,
        "TRIMINT_PINATA_JWT": ipfs.pinata_jwt,
        "TRIMINT_KUBO_RPC_URL": ipfs.kubo_rpc,
        "TRIMINT_IPFS_GATEWAYS": ",".join(ipfs.gateways),
        "TRIMINT_HTTP_PORT": str(_free_port()),
        **{f"TRIMINT_{name}": value for name, value in settings.items()},
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def service(env: dict[str, str], folder: Path) -> AsyncIterator[ChildProcess]:
    """The service, ready; stopped at the end."""
    command = Command([sys.executable, "-m", "ipfs_uploader"], env)
    child = ChildProcess(f"ipfs-uploader-{env['TRIMINT_HTTP_PORT']}", command, folder)
    child.spawn()
    try:
        async with httpx.AsyncClient() as http:
            await child.until(lambda: _is_ready(http, env), within=60, what="readiness")
        yield child
    finally:
        await child.stop()


async def _is_ready(http: httpx.AsyncClient, env: dict[str, str]) -> bool:
    try:
        answer = await http.get(f"http://127.0.0.1:{env['TRIMINT_HTTP_PORT']}/readyz")
    except httpx.ConnectError:
        return False
    return answer.status_code == 200


async def events(cluster: Cluster, topic: Topic) -> AsyncIterator[Event]:
    """The events of a topic from its beginning, for ever."""
    name = cluster.prefixed(topic.name)
    consumer = AIOKafkaConsumer(
        name, bootstrap_servers=list(cluster.brokers), auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        async for record in consumer:
            received = Codec().decode(
                topic.name, 0, 0, 0, record.key, record.value, tuple(record.headers)
            )
            yield received.envelope.event
    finally:
        await consumer.stop()


async def first(
    cluster: Cluster, topic: Topic, kind: type[E], mint_id: str, *, number: int = 1
) -> E:
    """The first event of a type about a mint, or a later one by its number; waits for it."""
    seen = 0
    async for event in events(cluster, topic):
        if isinstance(event, kind) and subject_of(event) == mint_id:
            seen += 1
            if seen == number:
                return event
    raise AssertionError("a topic has no end")


async def answers(cluster: Cluster, topic: Topic, count: int) -> list[Event]:
    """The first events of a topic, in the order of arrival."""
    found: list[Event] = []
    async for event in events(cluster, topic):
        found.append(event)
        if len(found) == count:
            break
    return found

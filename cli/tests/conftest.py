"""A mint's whole life in events, as the services publish them, and a Kafka to publish them on."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from mint_events import catalogue as c
from mint_events.admin import ensure_topics
from mint_events.bus import Cluster, Publisher
from mint_events.codec import Codec
from mint_events.envelope import Envelope, root
from mint_sandbox.kafka import KafkaCluster
from mint_sandbox.postgres import Database

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
PASSED = c.CheckOutcome.PASSED


@dataclass(frozen=True)
class Life:
    """The request, and what follows from it when all goes well."""

    request: c.MintRequested
    events: tuple[c.Event, ...]

    def envelope(self, event: c.Event, seconds: float = 0.0) -> Envelope:
        time = BEGIN + timedelta(seconds=seconds)
        return root(event, id=uuid4(), source="test", time=time)


def asset(cid: str) -> c.PinnedAsset:
    return c.PinnedAsset(
        cid=cid, uri=f"ipfs://{cid}", media_type="image/png", size=1, sha256="00", providers=()
    )


def check(mint_id: str, phase: int, name: str, layer: str) -> c.CheckCompleted:
    return c.CheckCompleted(
        mint_id=mint_id,
        phase=phase,
        check=name,
        layer=layer,
        outcome=PASSED,
        endpoint="somewhere",
        latency_ms=1.0,
        attempts=1,
        evidence={},
    )


def phase(mint_id: str, number: int) -> c.PhaseCompleted:
    return c.PhaseCompleted(mint_id=mint_id, phase=number, outcome=PASSED, failed_checks=())


@pytest.fixture
def life_of() -> Callable[[str], Life]:
    def life(mint_id: str) -> Life:
        request = c.MintRequested(
            mint_id=mint_id, user_id="alice", wallet="w", name="n", symbol="s", level=7, image=b"i"
        )
        prepared = c.MintPrepared(
            mint_id=mint_id,
            user_id="alice",
            fencing_token=1,
            authority="authority",
            mint_address="address",
            wallet="w",
            name="n",
            symbol="s",
            uri="ipfs://metadata",
            level=7,
            seller_fee_basis_points=0,
            creators=(),
            collection=None,
            is_mutable=True,
            image_cid="image",
            image_sha256="00",
            metadata_cid="metadata",
        )
        submitted = c.MintSubmitted(
            mint_id=mint_id,
            mint_address="address",
            attempt=1,
            signature="signature",
            transaction=b"",
            blockhash="hash",
            last_valid_block_height=1,
            endpoint="rpc",
            priority_fee=0,
            compute_unit_limit=0,
        )
        confirmed = c.MintConfirmed(
            mint_id=mint_id,
            mint_address="address",
            metadata_address="m",
            token_account="t",
            signature="signature",
            slot=1,
            prepared=prepared,
        )
        events: tuple[c.Event, ...] = (
            c.MintAccepted(mint_id=mint_id, request=request, arrival=1),
            c.AssetsPinned(
                mint_id=mint_id,
                image=asset("image"),
                metadata=asset("metadata"),
                metadata_json=b"{}",
            ),
            prepared,
            submitted,
            confirmed,
            check(mint_id, 1, "mint_account", "solana"),
            phase(mint_id, 1),
            check(mint_id, 2, "image_available", "ipfs"),
            phase(mint_id, 2),
            c.MintCompleted(
                mint_id=mint_id,
                user_id="alice",
                mint_address="address",
                metadata_cid="metadata",
            ),
        )
        return Life(request, events)

    return life


@pytest.fixture
def life(life_of: Callable[[str], Life]) -> Life:
    return life_of("m-1")


@pytest.fixture
def cluster(kafka: KafkaCluster, topic_prefix: str) -> Cluster:
    return Cluster(brokers=tuple(kafka.brokers.split(",")), prefix=topic_prefix)


@pytest.fixture
async def topics(cluster: Cluster) -> None:
    await ensure_topics(cluster, partitions=2, replication=1)


@pytest.fixture
async def services(cluster: Cluster, topics: None) -> AsyncIterator[Publisher]:
    """What the services would publish comes through this."""
    async with Publisher(cluster, Codec()) as publisher:
        yield publisher


@dataclass
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str


async def trimint(*arguments: str, env: dict[str, str]) -> Ran:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "trimint",
        *arguments,
        env={**os.environ, **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(), err.decode())


@pytest.fixture
def env(cluster: Cluster, database: Database) -> dict[str, str]:
    return {
        "TRIMINT_KAFKA_BROKERS": ",".join(cluster.brokers),
        "TRIMINT_KAFKA_TOPIC_PREFIX": cluster.prefix,
        "TRIMINT_DATABASE_READ_URL": database.dsn(),
    }

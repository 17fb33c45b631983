"""Fixtures for every member's tests: the real servers, started once for the test session.

What they hold is told apart by names that nobody else has, so tests run in any order, beside each
other, and in several pytest processes at once.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from mint_sandbox.kafka import KafkaCluster
from mint_sandbox.postgres import Database, PostgresServer
from mint_sandbox.python_servers import IpfsServer, SolanaServer
from mint_sandbox.servers import Servers
from mint_sandbox.tenant import Tenant, provide


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def kafka() -> AsyncIterator[KafkaCluster]:
    """A Kafka of one node; a test that kills its node must start its own cluster."""
    async with KafkaCluster() as cluster:
        yield cluster


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres() -> AsyncIterator[PostgresServer]:
    """A PostgreSQL server; a test that kills it must start its own."""
    async with PostgresServer() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def database(postgres: PostgresServer) -> AsyncIterator[Database]:
    """An empty database of this test's own, dropped afterwards."""
    database = await postgres.create_database()
    yield database
    await postgres.drop_database(database)


@pytest.fixture
def unique_name() -> str:
    """A short name that no other test has: for topics, groups, users, files."""
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture
def topic_prefix(unique_name: str) -> str:
    """What to put before this test's topics and groups (`TRIMINT_KAFKA_TOPIC_PREFIX`)."""
    return f"{unique_name}."


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def solana() -> AsyncIterator[SolanaServer]:
    """A Solana cluster with short slots: finalized after about two seconds instead of thirteen."""
    server = SolanaServer(slot_ms=50)
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ipfs() -> AsyncIterator[IpfsServer]:
    """Pinata, Kubo and gateways over one network of blocks."""
    server = IpfsServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="session")
def stack(
    kafka: KafkaCluster, postgres: PostgresServer, solana: SolanaServer, ipfs: IpfsServer
) -> Servers:
    """All servers of the session together."""
    return Servers(kafka, postgres, solana, ipfs)


@pytest_asyncio.fixture(loop_scope="session")
async def tenant(stack: Servers, database: Database, topic_prefix: str, tmp_path: Path) -> Tenant:
    """A Trimint of this test's own on the shared servers; `tenant.env` points services at it."""
    return await provide(stack, tmp_path, database=database, topic_prefix=topic_prefix)

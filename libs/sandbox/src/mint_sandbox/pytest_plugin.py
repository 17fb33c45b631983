"""Fixtures for every member's tests: the real servers, started once for the test session.

What they hold is told apart by names that nobody else has, so tests run in any order, beside each
other, and in several pytest processes at once.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from mint_sandbox.kafka import KafkaCluster
from mint_sandbox.postgres import Database, PostgresServer


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

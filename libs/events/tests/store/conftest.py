from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest_asyncio

from mint_events.store import migrate_store
from mint_events.store.connection import Connection
from mint_sandbox.postgres import Database, PostgresServer


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def store_template(postgres: PostgresServer) -> str:
    """A database with the store's tables, to be copied."""
    template = await postgres.create_database()
    async with connected(template.socket_dsn()) as connection:
        await migrate_store(connection)
    return template.name


@pytest_asyncio.fixture(loop_scope="session")
async def store(postgres: PostgresServer, store_template: str) -> AsyncIterator[Database]:
    """A database with an empty event store."""
    database = await postgres.create_database(template=store_template)
    yield database
    await postgres.drop_database(database)


@pytest_asyncio.fixture(loop_scope="session")
async def conn(store: Database) -> AsyncIterator[Connection]:
    """A connection to it, as its owner."""
    async with connected(store.socket_dsn()) as connection:
        yield connection

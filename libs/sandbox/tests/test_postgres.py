"""PostgreSQL of the sandbox, through the client that the product uses."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from mint_sandbox.postgres import Database, PostgresServer

LOST_CONNECTION = (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)


@pytest.mark.parametrize("durable", [False, True])
async def test_committed_rows_survive_the_kill_of_the_server(durable: bool) -> None:
    async with PostgresServer(durable=durable) as server:
        database = await server.create_database()
        connection = await asyncpg.connect(database.dsn())
        await connection.execute("CREATE TABLE mint (id int)")
        await connection.execute("INSERT INTO mint SELECT generate_series(1, 500)")

        await server.kill()
        assert not server.process.running
        connection.terminate()
        await server.start()

        connection = await asyncpg.connect(database.dsn())
        assert await connection.fetchval("SELECT count(*) FROM mint") == 500


async def test_a_server_killed_with_work_in_hand_starts_again() -> None:
    async with PostgresServer() as server:
        dsn = server.database().dsn()
        busy = [await asyncpg.connect(dsn) for _ in range(5)]
        for connection in busy:
            await connection.execute("BEGIN")
        work = [
            asyncio.create_task(connection.execute("SELECT pg_sleep(600)")) for connection in busy
        ]
        await server.kill()
        await server.start()

        connection = await asyncpg.connect(dsn)
        assert await connection.fetchval("SELECT 1") == 1
        outcomes = await asyncio.gather(*work, return_exceptions=True)
        assert all(isinstance(outcome, LOST_CONNECTION) for outcome in outcomes)


async def test_a_database_begins_as_a_copy_of_its_template(postgres: PostgresServer) -> None:
    template = await postgres.create_database()
    connection = await asyncpg.connect(template.socket_dsn())
    await connection.execute("CREATE TABLE mint AS SELECT 7 AS level")
    await connection.close()

    copy = await postgres.create_database(template=template.name)

    connection = await asyncpg.connect(copy.dsn())
    assert await connection.fetchval("SELECT level FROM mint") == 7
    await connection.close()


async def test_tcp_and_socket_lead_to_the_same_database(database: Database) -> None:
    by_tcp = await asyncpg.connect(database.dsn())
    by_socket = await asyncpg.connect(database.socket_dsn())

    await by_tcp.execute("CREATE TABLE seen ()")

    assert await by_socket.fetchval("SELECT to_regclass('seen')::text") == "seen"
    await by_tcp.close()
    await by_socket.close()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that the account of PostgreSQL can reach even when we are root."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


async def test_kept_data_is_there_at_the_next_start(open_folder: Path) -> None:
    async with PostgresServer(keep=open_folder) as server:
        connection = await asyncpg.connect(server.database().dsn())
        await connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
        await connection.close()

    async with PostgresServer(keep=open_folder) as server:
        connection = await asyncpg.connect(server.database().dsn())
        assert await connection.fetchval("SELECT one FROM kept") == 1
        await connection.close()


async def test_a_paused_server_answers_nobody_until_it_is_resumed() -> None:
    async with PostgresServer() as server:
        connection = await asyncpg.connect(server.database().dsn())
        server.pause()
        with pytest.raises(TimeoutError):
            await asyncpg.connect(server.database().dsn(), timeout=0.3)
        query = asyncio.create_task(connection.fetchval("SELECT 1"))
        assert not (await asyncio.wait([query], timeout=0.3))[0]

        server.resume()

        assert await query == 1
        await connection.close()

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from mint_events.catalogue import MintFailed
from mint_events.codec import Codec
from mint_events.envelope import root
from mint_events.store import Damage, NewEvent, Place, append, audit, mark_published, own_event
from mint_events.store.connection import Connection
from mint_sandbox.postgres import PostgresServer

CODEC = Codec()
NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)

TABLES = ("event_store", "event_shard")
MIDDLE = "(shard, sequence) = (SELECT shard, 3 FROM event_store WHERE mint_id = 'm-1' LIMIT 1)"
LAST = "(shard, sequence) = (SELECT shard, 5 FROM event_store WHERE mint_id = 'm-1' LIMIT 1)"


def new_event(mint_id: str) -> NewEvent:
    event = MintFailed(mint_id=mint_id, user_id="u", detail="no")
    envelope = root(event, id=uuid4(), source="reconciler", time=NOW)
    return own_event(envelope, CODEC.encode(envelope), "mint.ledger")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def filled(
    postgres: PostgresServer, store_template: str
) -> AsyncIterator[asyncpg.Connection[Any]]:
    """A store with ten events in two shards, as its superuser: no trigger is in the way."""
    database = await postgres.create_database(template=store_template)
    superuser = await asyncpg.connect(database.socket_dsn("postgres"))
    events = [new_event(f"m-{n % 2}") for n in range(10)]
    async with superuser.transaction():
        await append(superuser, events)
    places = {e.envelope.id: Place(partition=0, offset=n) for n, e in enumerate(events)}
    await mark_published(superuser, places)
    for table in TABLES:
        await superuser.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        await superuser.execute(f"CREATE TABLE {table}_untouched AS TABLE {table}")
    yield superuser
    await superuser.close()
    await postgres.drop_database(database)


@pytest_asyncio.fixture(loop_scope="session")
async def conn(filled: asyncpg.Connection[Any]) -> AsyncIterator[Connection]:
    """A connection to that store, which is as it was before afterwards."""
    yield filled
    for table in TABLES:
        await filled.execute(f"DELETE FROM {table}")
        await filled.execute(f"INSERT INTO {table} SELECT * FROM {table}_untouched")


async def tamper(conn: Connection, statement: str) -> None:
    assert int((await conn.execute(statement)).split()[-1]) >= 1


@pytest.mark.requirement("RE-1")
async def test_a_store_that_nobody_touched_is_whole(conn: Connection) -> None:
    assert await audit(conn) == []


@pytest.mark.requirement("RE-1")
@pytest.mark.parametrize(
    ("change", "damage"),
    [
        ("position = position + 1000", Damage.CHANGED),
        ("event_id = gen_random_uuid()", Damage.CHANGED),
        ("mint_id = 'm-3'", Damage.CHANGED),
        ("type = 'MintCompleted'", Damage.CHANGED),
        ("source = 'x'", Damage.CHANGED),
        ("correlation_id = 'x'", Damage.CHANGED),
        ("causation_id = gen_random_uuid()", Damage.CHANGED),
        ("occurred_at = occurred_at + interval '1 microsecond'", Damage.CHANGED),
        ("recorded_at = recorded_at - interval '1 microsecond'", Damage.CHANGED),
        ("received = true", Damage.CHANGED),
        ("topic = 'mint.chain'", Damage.CHANGED),
        ("key = 'x'", Damage.CHANGED),
        ("headers = '[]'", Damage.CHANGED),
        ("value = value || '\\x00'", Damage.CHANGED),
        ('decoded = decoded || \'{"user_id": "v"}\'', Damage.CHANGED),
        ("hash = sha256(hash)", Damage.CHANGED),
        ("partition = 7", Damage.MOVED),
        ("record_offset = 77", Damage.MOVED),
        ("place_hash = sha256(place_hash)", Damage.MOVED),
        ("sequence = 77", Damage.MISSING),
        ("shard = 15", Damage.MISSING),
    ],
)
async def test_a_change_of_any_column_is_found(
    conn: Connection, change: str, damage: Damage
) -> None:
    await tamper(conn, f"UPDATE event_store SET {change} WHERE {MIDDLE}")
    assert damage in {finding.damage for finding in await audit(conn)}


@pytest.mark.requirement("RE-1")
async def test_every_column_has_its_case_above(conn: Connection) -> None:
    columns = await conn.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'event_store'::regclass AND attnum > 0"
    )
    [cases] = [
        mark.args[1]
        for mark in test_a_change_of_any_column_is_found.pytestmark  # type: ignore[attr-defined] # set by pytest
        if mark.name == "parametrize"
    ]
    assert {case[0].split(" = ")[0] for case in cases} == {column["attname"] for column in columns}


@pytest.mark.requirement("RE-1")
@pytest.mark.parametrize(
    ("statement", "damage"),
    [
        (f"DELETE FROM event_store WHERE {MIDDLE}", Damage.MISSING),
        (f"DELETE FROM event_store WHERE {LAST}", Damage.CUT_OFF),
        ("DELETE FROM event_store", Damage.CUT_OFF),
        ("UPDATE event_shard SET sequence = sequence + 1 WHERE sequence > 0", Damage.CUT_OFF),
        ("UPDATE event_shard SET hash = sha256(hash) WHERE sequence > 0", Damage.CUT_OFF),
        ("DELETE FROM event_shard", Damage.CUT_OFF),
    ],
)
async def test_a_removal_is_found(conn: Connection, statement: str, damage: Damage) -> None:
    await tamper(conn, statement)
    assert damage in {finding.damage for finding in await audit(conn)}


async def test_one_change_is_one_finding_that_says_where(conn: Connection) -> None:
    await tamper(conn, f"UPDATE event_store SET value = 'x' WHERE {MIDDLE}")
    [finding] = await audit(conn)
    assert (finding.damage, finding.sequence) == (Damage.CHANGED, 3)

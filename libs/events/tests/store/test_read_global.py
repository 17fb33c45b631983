from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import pytest

from mint_events.catalogue import MintFailed
from mint_events.codec import Codec
from mint_events.envelope import root
from mint_events.store import START, NewEvent, Stored, append, own_event, read_global
from mint_events.store.connection import Connection
from mint_sandbox.postgres import Database

CODEC = Codec()
NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
APPENDERS, BATCHES, BATCH = 8, 12, 9


def new_event(mint_id: str) -> NewEvent:
    event = MintFailed(mint_id=mint_id, user_id="u", detail="no")
    envelope = root(event, id=uuid4(), source="reconciler", time=NOW)
    return own_event(envelope, CODEC.encode(envelope), "mint.ledger")


async def append_batches(dsn: str, seed: int, order: dict[str, list[UUID]]) -> None:
    """Append batches over all mints; some are rolled back, some stay open for a while."""
    rnd = random.Random(seed)
    conn = await asyncpg.connect(dsn)
    try:
        for _ in range(BATCHES):
            batch = [new_event(f"m-{rnd.randrange(20)}") for _ in range(BATCH)]
            transaction = conn.transaction()
            await transaction.start()
            await conn.fetchval("SELECT pg_current_xact_id()")
            await asyncio.sleep(rnd.random() / 200)
            await append(conn, batch)
            await asyncio.sleep(rnd.random() / 200)
            if rnd.random() < 0.2:
                await transaction.rollback()
                continue
            for event in batch:
                order[event.envelope.mint_id].append(event.envelope.id)
            await transaction.commit()
    finally:
        await conn.close()


async def follow(conn: Connection, done: asyncio.Event) -> list[Stored]:
    """Poll until the writers are done and nothing is left."""
    seen: list[Stored] = []
    cursor = START
    while True:
        finished = done.is_set()
        page = await read_global(conn, cursor, 7)
        seen += page.events
        cursor = page.cursor
        if finished and not page.events:
            return seen
        await asyncio.sleep(0)


@pytest.mark.requirement("RE-1")
async def test_a_reader_beside_many_appenders_sees_every_event_once_and_each_mint_in_order(
    store: Database, conn: Connection
) -> None:
    order: dict[str, list[UUID]] = defaultdict(list)
    done = asyncio.Event()
    reader = asyncio.create_task(follow(conn, done))
    await asyncio.gather(
        *(append_batches(store.socket_dsn(), seed, order) for seed in range(APPENDERS))
    )
    done.set()
    seen: dict[str, list[UUID]] = defaultdict(list)
    for stored in await reader:
        seen[stored.mint_id].append(stored.event_id)
    assert seen == order


async def test_a_reader_that_comes_later_sees_all_by_position(
    store: Database, conn: Connection
) -> None:
    await asyncio.gather(
        *(append_batches(store.socket_dsn(), seed, defaultdict(list)) for seed in range(3))
    )
    done = asyncio.Event()
    done.set()
    positions = [stored.position for stored in await follow(conn, done)]
    assert positions == sorted(positions)
    assert len(positions) == await conn.fetchval("SELECT count(*) FROM event_store")


async def test_an_event_that_is_not_committed_is_neither_seen_nor_missed(
    store: Database, conn: Connection
) -> None:
    writer = await asyncpg.connect(store.socket_dsn())
    try:
        transaction = writer.transaction()
        await transaction.start()
        early = new_event("m-1")
        await append(writer, [early])
        late = new_event("m-2")
        async with conn.transaction():
            await append(conn, [late])
        first = await read_global(conn, START, 10)
        await transaction.commit()
        second = await read_global(conn, first.cursor, 10)
    finally:
        await writer.close()
    assert [stored.event_id for stored in first.events] == [late.envelope.id]
    assert [stored.event_id for stored in second.events] == [early.envelope.id]

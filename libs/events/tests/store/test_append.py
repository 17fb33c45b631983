from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import pytest

from mint_events.catalogue import Event, MintFailed, RecordDeadLettered
from mint_events.codec import Codec
from mint_events.envelope import caused_by, root
from mint_events.store import (
    NewEvent,
    Outcome,
    Place,
    append,
    decode,
    load,
    mark_published,
    own_event,
    pending,
    received_event,
    take_relay,
)
from mint_events.store.connection import Connection
from mint_sandbox.postgres import Database

CODEC = Codec()
NOW = datetime(2026, 5, 4, 12, 30, 1, 250_000, tzinfo=UTC)


def failed(mint_id: str, detail: str = "no") -> MintFailed:
    return MintFailed(mint_id=mint_id, user_id="u", detail=detail)


def own(event: Event, event_id: UUID | None = None) -> NewEvent:
    envelope = root(event, id=event_id or uuid4(), source="reconciler", time=NOW)
    return own_event(envelope, CODEC.encode(envelope), "mint.ledger")


def received(event: Event, offset: int, event_id: UUID | None = None) -> NewEvent:
    return replace(own(event, event_id), place=Place(partition=0, offset=offset))


async def appended(conn: Connection, *events: NewEvent) -> list[Outcome]:
    async with conn.transaction():
        return [result.outcome for result in await append(conn, events)]


@pytest.mark.requirement("RE-1")
async def test_a_mints_events_are_loaded_in_the_order_they_were_appended(conn: Connection) -> None:
    events = [received(failed(f"m-{n % 3}", str(n)), offset=n) for n in range(30)]
    await appended(conn, *events[:20])
    await appended(conn, *events[20:])
    stored = await load(conn, "m-1")
    assert [s.value for s in stored] == [e.value for e in events[1::3]]
    assert [s.sequence for s in stored] == sorted(s.sequence for s in stored)
    assert [s.position for s in stored] == sorted(s.position for s in stored)


@pytest.mark.requirement("RE-1")
async def test_what_is_stored_is_what_came(conn: Connection) -> None:
    envelope = root(failed("m-1"), id=uuid4(), source="reconciler", time=NOW)
    encoded = CODEC.encode(envelope)
    record = CODEC.decode("mint.ledger", 2, 9, 0, encoded.key, encoded.value, encoded.headers)
    await appended(conn, received_event(record))
    [stored] = await load(conn, "m-1")
    assert decode(CODEC, stored) == record
    assert (stored.correlation_id, stored.type) == (str(envelope.id), "MintFailed")
    decoded = await conn.fetchval("SELECT decoded::text FROM event_store")
    assert decoded == '{"detail": "no", "mint_id": "m-1", "user_id": "u"}'


@pytest.mark.requirement("RE-1")
async def test_an_event_that_is_there_already_is_a_duplicate(conn: Connection) -> None:
    event = received(failed("m-1"), offset=1)
    again = replace(event, place=Place(partition=0, offset=2))
    assert await appended(conn, event, again) == [Outcome.APPENDED, Outcome.DUPLICATE]
    assert await appended(conn, again) == [Outcome.DUPLICATE]
    assert len(await load(conn, "m-1")) == 1


@pytest.mark.requirement("RE-1")
async def test_work_done_again_after_a_crash_that_measures_otherwise_is_a_duplicate(
    conn: Connection,
) -> None:
    cause = root(failed("m-1"), id=uuid4(), source="chain-minter", time=NOW)

    def told(detail: str, offset: int, *, source: str = "verifier") -> NewEvent:
        envelope = caused_by(cause, failed("m-1", detail), source=source, time=NOW)
        event = own_event(envelope, CODEC.encode(envelope), "mint.verification")
        return replace(event, place=Place(partition=0, offset=offset))

    first, again = told("took 10 ms", 1), told("took 20 ms", 2)
    assert first.envelope.id == again.envelope.id

    assert await appended(conn, first, again) == [Outcome.APPENDED, Outcome.DUPLICATE]
    assert await appended(conn, again) == [Outcome.DUPLICATE]
    assert await appended(conn, told("took 20 ms", 3, source="nobody")) == [Outcome.CONFLICT]
    assert [stored.value for stored in await load(conn, "m-1")] == [first.value]


@pytest.mark.requirement("RE-1")
async def test_an_id_or_a_place_that_another_event_has_is_a_conflict(conn: Connection) -> None:
    event = received(failed("m-1"), offset=1, event_id=UUID(int=1))
    same_id = received(failed("m-1", "other"), offset=2, event_id=UUID(int=1))
    same_place = received(failed("m-2"), offset=1)
    assert await appended(conn, event) == [Outcome.APPENDED]
    assert await appended(conn, same_id, same_place) == [Outcome.CONFLICT, Outcome.CONFLICT]


async def test_a_position_is_told_of_the_event_that_is_there(conn: Connection) -> None:
    event = own(failed("m-1"))
    async with conn.transaction():
        [first] = await append(conn, [event])
        [second] = await append(conn, [event])
    [stored] = await load(conn, "m-1")
    assert first.position == second.position == stored.position


async def test_what_is_rolled_back_leaves_no_trace(conn: Connection) -> None:
    transaction = conn.transaction()
    await transaction.start()
    await append(conn, [own(failed("m-1"))])
    await transaction.rollback()
    await appended(conn, own(failed("m-1")))
    assert [stored.sequence for stored in await load(conn, "m-1")] == [1]


async def test_outside_of_a_transaction_nothing_is_appended(conn: Connection) -> None:
    with pytest.raises(RuntimeError, match="transaction"):
        await append(conn, [own(failed("m-1"))])


async def test_bytes_and_texts_that_postgres_can_not_hold_are_stored_all_the_same(
    conn: Connection,
) -> None:
    event = RecordDeadLettered(
        mint_id="a\0b",
        topic="mint.requests",
        partition=0,
        offset=1,
        service="s",
        failure="poison",
        detail="\0",
        value=b"\xff" * 1025,
        headers={"x\0": b"\x00\xff"},
    )
    new = replace(own(event), headers=(("ce_id", b"1"), ("x", b"\xff\x00"), ("y", b"a\0")))
    await appended(conn, new)
    [stored] = await load(conn, "a\0b")
    assert (stored.value, stored.headers) == (new.value, new.headers)
    assert decode(CODEC, stored).envelope.event == event
    size = await conn.fetchval("SELECT decoded #>> '{value,size}' FROM event_store")
    assert size == "1025"


@pytest.mark.requirement("RE-1")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event_store SET mint_id = 'x'",
        "UPDATE event_store SET record_offset = record_offset + 1",
        "DELETE FROM event_store",
        "TRUNCATE event_store",
        "UPDATE event_shard SET sequence = 0",
        "DELETE FROM event_shard",
        "TRUNCATE event_shard",
    ],
)
async def test_the_database_refuses_to_change_what_is_stored(
    conn: Connection, statement: str
) -> None:
    await appended(conn, received(failed("m-1"), offset=1))
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await conn.execute(statement)


async def test_the_place_of_an_own_event_is_filled_in_once_and_nothing_else_is(
    conn: Connection,
) -> None:
    event = own(failed("m-1"))
    await appended(conn, event)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await conn.execute(
            "UPDATE event_store SET partition = 1, record_offset = 2, place_hash = hash, type = 'x'"
        )
    assert await mark_published(conn, {event.envelope.id: Place(partition=1, offset=2)}) == 1
    assert await mark_published(conn, {event.envelope.id: Place(partition=1, offset=9)}) == 0
    [stored] = await load(conn, "m-1")
    assert stored.place == Place(partition=1, offset=2)


@pytest.mark.requirement("RE-10")
async def test_own_events_are_pending_in_order_until_they_are_published(conn: Connection) -> None:
    events = [own(failed(f"m-{n % 2}", str(n))) for n in range(6)]
    await appended(conn, *events, received(failed("m-1"), offset=99))
    waiting = await pending(conn, 4)
    assert [s.event_id for s in waiting] == [e.envelope.id for e in events[:4]]
    await mark_published(
        conn, {s.event_id: Place(partition=0, offset=n) for n, s in enumerate(waiting)}
    )
    assert [s.event_id for s in await pending(conn, 4)] == [e.envelope.id for e in events[4:]]


@pytest.mark.requirement("RE-10")
async def test_an_own_event_that_comes_back_from_kafka_is_a_duplicate(conn: Connection) -> None:
    event = own(failed("m-1"))
    await appended(conn, event)
    back = replace(event, place=Place(partition=0, offset=5))
    assert await appended(conn, back) == [Outcome.DUPLICATE]


async def test_only_one_relay_works_at_a_time(store: Database, conn: Connection) -> None:
    other = await asyncpg.connect(store.socket_dsn())
    try:
        async with conn.transaction():
            assert await take_relay(conn)
            async with other.transaction():
                assert not await take_relay(other)
        async with other.transaction():
            assert await take_relay(other)
    finally:
        await other.close()


async def test_appenders_of_the_same_event_at_once_append_it_once(store: Database) -> None:
    event = received(failed("m-1"), offset=1)
    connections = [await asyncpg.connect(store.socket_dsn()) for _ in range(8)]
    try:
        outcomes = await asyncio.gather(*(appended(c, event) for c in connections))
        assert sorted(outcome for [outcome] in outcomes) == ["appended"] + ["duplicate"] * 7
    finally:
        await asyncio.gather(*(c.close() for c in connections))

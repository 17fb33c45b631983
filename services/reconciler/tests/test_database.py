"""What an error of the database means for the batch that was to be written (RE-9)."""

from __future__ import annotations

import asyncpg
import pytest

from mint_resilience.failures import Failure, Outage, Permanent, Poison, Transient
from mint_resilience.postgres import SQLSTATES, sqlstate_class
from mint_sandbox.postgres import Database, PostgresServer
from reconciler import database as db
from reconciler.offset_ledger import become_writer

VALUES = ("21000", "22P05", "22021", "23502", "23505", "23514", "44000", "54000")


@pytest.mark.requirement("RE-9", "NR-1")
@pytest.mark.parametrize("state", sorted({*(s for s in SQLSTATES if len(s) == 5), *VALUES}))
async def test_an_error_of_the_server_means_what_the_table_says_but_for_values(
    pool: asyncpg.Pool, state: str
) -> None:
    with pytest.raises(asyncpg.PostgresError) as raised:
        await pool.execute(f"DO $$ BEGIN RAISE SQLSTATE '{state}'; END $$")

    failure = db.failure_of(raised.value, "db.example/trimint")

    is_about_values = state in VALUES or state[:2] == "23"
    assert type(failure) is (Poison if is_about_values else sqlstate_class(state))
    assert failure.endpoint == "db.example/trimint"


@pytest.mark.requirement("RE-9", "NR-1")
@pytest.mark.parametrize(
    ("statement", "value", "meaning"),
    [
        ("SELECT 1 FROM no_such_table WHERE $1 = 1", 1, Permanent),
        ("SELECT no_such_column FROM mint_record WHERE $1 = 1", 1, Permanent),
        ("SELECT $1::text", "\0", Poison),
        ("SELECT $1::text", "\ud800", Poison),
        ("SELECT $1::int", 2**40, Poison),
    ],
)
async def test_what_is_missing_is_no_records_fault_and_a_value_is_no_databases(
    pool: asyncpg.Pool, statement: str, value: object, meaning: type[Failure]
) -> None:
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)) as raised:
        await pool.fetchval(statement, value)
    assert type(db.failure_of(raised.value)) is meaning


@pytest.mark.requirement("RE-9", "NR-1")
@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (TimeoutError(), Transient),
        (ConnectionRefusedError(), Outage),
        (asyncpg.InterfaceError("connection is closed"), Outage),
        (asyncpg.InternalClientError("no rollback"), Outage),
        (KeyError("a bug"), Poison),
    ],
)
def test_an_error_of_the_client_is_told_by_whom_it_is_the_fault_of(
    error: Exception, meaning: type[Failure]
) -> None:
    assert type(db.failure_of(error)) is meaning


@pytest.mark.requirement("NR-1")
async def test_who_is_not_let_in_waits_for_an_operator(database: Database) -> None:
    async with db.connect(database.dsn().replace(database.name, "no_such"), 1) as pool:
        with pytest.raises(asyncpg.PostgresError) as raised:
            await pool.fetchval("SELECT 1")
    assert type(db.failure_of(raised.value)) is Outage


def test_a_failure_means_what_it_says() -> None:
    failure = Permanent("too large")
    assert db.failure_of(failure) is failure


async def test_tables_can_be_prepared_by_several_instances_and_again(pool: asyncpg.Pool) -> None:
    await db.prepare(pool)
    assert await db.ping(pool) is None


@pytest.mark.requirement("RE-9", "DE-4")
async def test_an_instance_that_falls_asleep_in_a_transaction_does_not_hold_up_the_others(
    pool: asyncpg.Pool, database: Database
) -> None:
    async def write_in_both() -> None:
        async with (
            db.connect(database.socket_dsn(), 1, longest_idle=0.1) as sleeping,
            sleeping.acquire() as asleep,
            asleep.transaction(),
        ):
            await become_writer(asleep)
            async with pool.acquire() as awake, awake.transaction():
                await become_writer(awake)
            await asleep.execute("SELECT 1")

    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)) as ended:
        await write_in_both()

    assert isinstance(db.failure_of(ended.value), Transient | Outage)


async def test_the_reading_role_may_read_and_not_write(
    postgres: PostgresServer, database: Database
) -> None:
    await postgres.administer(
        f"DO $$ BEGIN CREATE ROLE {db.READER_ROLE} LOGIN;"
        " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )
    async with db.connect(database.socket_dsn(), 1) as owner:
        await db.prepare(owner)
    async with db.connect(database.socket_dsn(db.READER_ROLE), 1) as reader:
        assert await reader.fetch("SELECT * FROM mint_record") == []
        with pytest.raises(asyncpg.PostgresError):
            await reader.execute("DELETE FROM mint_record")

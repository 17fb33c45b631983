"""What an error of the database means for the batch that was to be written (RE-9)."""

from __future__ import annotations

import asyncpg
import pytest

from mint_resilience.failures import Failure, Outage, Permanent, Poison, Transient
from mint_sandbox.postgres import Database, PostgresServer
from reconciler import database as db
from reconciler.offset_ledger import become_writer

MEANINGS: tuple[tuple[Exception, type[Failure]], ...] = (
    (asyncpg.DeadlockDetectedError("deadlock"), Transient),
    (asyncpg.SerializationError("serialization"), Transient),
    (TimeoutError(), Transient),
    (asyncpg.UndefinedTableError("no table"), Transient),
    (ConnectionRefusedError(), Outage),
    (asyncpg.InterfaceError("connection is closed"), Outage),
    (asyncpg.AdminShutdownError("shutting down"), Outage),
    (asyncpg.TooManyConnectionsError("too many"), Outage),
    (asyncpg.CharacterNotInRepertoireError("0x00"), Poison),
    (asyncpg.UniqueViolationError("twice"), Poison),
    (KeyError("a bug"), Poison),
)


@pytest.mark.requirement("RE-9", "NR-1")
@pytest.mark.parametrize(("error", "meaning"), MEANINGS, ids=lambda v: getattr(v, "__name__", ""))
def test_an_error_is_told_by_whom_it_is_the_fault_of(
    error: Exception, meaning: type[Failure]
) -> None:
    assert type(db.failure_of(error)) is meaning


def test_a_failure_means_what_it_says() -> None:
    failure = Permanent("too large")
    assert db.failure_of(failure) is failure


@pytest.mark.requirement("RE-9")
async def test_a_deadlock_is_tried_again_at_once() -> None:
    errors: list[Exception] = [asyncpg.DeadlockDetectedError("deadlock")]

    async def operation() -> str:
        if errors:
            raise errors.pop()
        return "written"

    assert await db.persist(operation) == "written"


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

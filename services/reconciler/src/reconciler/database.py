"""The database: connecting, its tables, and what its errors mean (RE-9)."""

from __future__ import annotations

from importlib.resources import files

import asyncpg
import structlog

from mint_events.store import migrate, migrate_store
from mint_resilience.failures import Conflict, Failure, Permanent, Poison
from mint_resilience.postgres import classify_postgres_error

READER_ROLE = "trimint_reader"
"""Verifier and command line read as this role; made by whoever administers the server."""

COMMAND_TIMEOUT = 30.0
LONGEST_IDLE = 10.0
"""Seconds that a transaction may wait for us before the server ends it and lets its locks go.

Else an instance that is stopped, or cut off, in the middle of one would hold up all others.
"""

_GRANT = f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER_ROLE}"
_ITS_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,  # TimeoutError is one
)
_OF_A_RECORD = frozenset({"21", "22", "23", "44", "54"})
"""Classes of SQLSTATEs that tell of values: cardinality, data, constraints, views, limits."""

log = structlog.stdlib.get_logger(__name__)


def connect(url: str, connections: int, longest_idle: float = LONGEST_IDLE) -> asyncpg.Pool:
    """A pool that connects when it is first asked to."""
    return asyncpg.create_pool(
        url,
        min_size=0,
        max_size=connections,
        command_timeout=COMMAND_TIMEOUT,
        server_settings={
            "idle_in_transaction_session_timeout": str(round(longest_idle * 1000)),  # milliseconds
        },
    )


async def prepare(pool: asyncpg.Pool) -> None:
    """Bring the tables up to date and let the reading role read them."""
    async with pool.acquire() as connection:
        await migrate_store(connection)
        await migrate(connection, files("reconciler") / "migrations", "reconciler")
        if await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", READER_ROLE):
            await connection.execute(_GRANT)
        else:
            log.warning("nobody may read", role=READER_ROLE, reason="there is no such role")


async def ping(pool: asyncpg.Pool) -> str | None:
    """None when the database answers; a readiness check."""
    await pool.fetchval("SELECT 1")
    return None


def failure_of(error: Exception, endpoint: str = "database") -> Failure:
    """What an error means for the work that was to be done, at this database.

    `Poison`: values in an event are at fault, or a bug shows in it. `Permanent`: the database is
    not as it has to be. All else as `mint_resilience.postgres` has it; a `Failure` means what it
    says.
    """
    if isinstance(error, Failure):
        return error
    if not isinstance(error, _ITS_ERRORS):
        return Poison(f"the event can not be worked on: {type(error).__name__}: {error}")
    failure = classify_postgres_error(error, endpoint)
    if isinstance(failure, Permanent | Conflict) and _is_about_values(error):
        return Poison(f"the event can not be worked on: {failure}", endpoint=endpoint)
    return failure


def _is_about_values(error: Exception) -> bool:
    """Whether another record would have been taken. The client's own refusals have no SQLSTATE."""
    state: str | None = getattr(error, "sqlstate", None)
    return state is None or state[:2] in _OF_A_RECORD

"""The database: connecting, its tables, and what its errors mean (RE-9)."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import TypeVar

import asyncpg
import structlog

from mint_events.store import migrate, migrate_store
from mint_resilience.backoff import DATABASE_BASE, DEADLOCK, Backoff, retry
from mint_resilience.failures import Failure, Outage, Poison, Transient
from reconciler import metrics

T = TypeVar("T")

READER_ROLE = "trimint_reader"
"""Verifier and command line read as this role; made by whoever administers the server."""

COMMAND_TIMEOUT = 30.0
LONGEST_IDLE = 10.0
"""Seconds that a transaction may wait for us before the server ends it and lets its locks go.

Else an instance that is stopped, or cut off, in the middle of one would hold up all others.
"""

LONGEST_WAIT = 30.0
"""Seconds between two tries while the database is away."""

# Kafka keeps what waits, so there is no number of attempts after which to give up.
_UNTIL_IT_IS_BACK = Backoff(
    attempts=sys.maxsize, base=DATABASE_BASE, ceiling=LONGEST_WAIT, retried=(Transient, Outage)
)
_GRANT = f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER_ROLE}"
_GONE = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what a rollback on a connection that was cut off may raise
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)
_AT_FAULT = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)

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


def failure_of(error: Exception) -> Failure:
    """What an error means for the batch that was to be written.

    `Poison`: an event of it is at fault, or a bug shows in it. `Outage`: nobody is there.
    `Transient`: it may work in a moment. A `Failure` means what it says.
    """
    if isinstance(error, Failure):
        return error
    message = f"{type(error).__name__}: {error}"
    if isinstance(error, TimeoutError):
        return Transient(f"database: {message}")
    if isinstance(error, _GONE):
        return Outage(f"database: {message}")
    if isinstance(error, asyncpg.PostgresError) and not isinstance(error, _AT_FAULT):
        return Transient(f"database: {message}")
    return Poison(f"the event can not be worked on: {message}")


async def persist(operation: Callable[[], Awaitable[T]]) -> T:
    """Do it until the outside lets it: at once again, then 0.5, 1, 2 s … later.

    Raises `Poison` when the events are at fault, and other failures that do not pass by themselves.
    """

    async def attempt() -> T:
        try:
            return await operation()
        except Exception as error:
            raise failure_of(error) from error

    return await retry(lambda: retry(attempt, DEADLOCK), _UNTIL_IT_IS_BACK, on_retry=_report)


def _report(failure: Failure, attempt: int, seconds: float) -> None:
    metrics.RETRIES.labels(failure.kind).inc()
    log.warning(
        "tried again", failure=failure.kind, why=str(failure), attempt=attempt, wait=seconds
    )

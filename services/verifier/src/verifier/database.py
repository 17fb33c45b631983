"""Postgres, read only: the record of a mint, and what the database holds for its user."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import asyncpg

from mint_resilience.failures import Failure, Outage, Transient
from verifier.checks.database import RecordSeen, UserRowsSeen

_RECORD = """
    select mint_id, user_id, wallet, level, status, mint_address, metadata_cid, image_cid, uri,
           name, symbol, is_mutable, animation_cid
    from mint_record where mint_id = $1
"""

_USER_ROWS = """
    select (select mint_id from user_lock where user_id = $1) as lock_holder,
           (select coalesce(json_object_agg(mint_id, status), '{}'::json)::text
            from mint_record
            where user_id = $1
              and (mint_id = $2 or status not in ('completed', 'failed', 'rejected'))) as statuses
"""


class RecordReader:
    """Reads through a pool that only connects when asked; needs nothing but SELECT."""

    def __init__(self, pool: asyncpg.Pool, url: str) -> None:
        self._pool = pool
        self.endpoint = endpoint_name(url)

    async def record(self, mint_id: str) -> RecordSeen | None:
        """The mint's record, or None. Raises a `Failure` when the database gives no answer."""
        with _failures(self.endpoint):
            row = await self._pool.fetchrow(_RECORD, mint_id)
        return None if row is None else RecordSeen(**dict(row))

    async def user_rows(self, user_id: str, mint_id: str) -> UserRowsSeen:
        """The user's lock and unfinished mints. Raises a `Failure` without an answer."""
        with _failures(self.endpoint):
            (row,) = await self._pool.fetch(_USER_ROWS, user_id, mint_id)
        return UserRowsSeen(statuses=json.loads(row["statuses"]), lock_holder=row["lock_holder"])

    async def readiness(self) -> str | None:
        """None if the database answers; raises a `Failure` when it does not."""
        with _failures(self.endpoint):
            await self._pool.fetchval("select 1")
        return None


def endpoint_name(url: str) -> str:
    """Host, port and database of a connection URL, without its secrets."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'local'}:{parts.port or 5432}{parts.path}"


@contextmanager
def _failures(endpoint: str) -> Iterator[None]:
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise _classified(error, endpoint) from error


def _classified(error: Exception, endpoint: str) -> Failure:
    message = f"{endpoint}: {type(error).__name__} {error}"
    gone = (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError)
    return (Outage if isinstance(error, gone) else Transient)(message, endpoint=endpoint)

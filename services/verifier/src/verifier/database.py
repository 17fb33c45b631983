"""Postgres, read only: the record of a mint, and what the database holds for its user."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import urlsplit

import asyncpg

from mint_resilience.postgres import classify_postgres_error, endpoint_of
from mint_runtime.addresses import Address
from verifier.checks.database import RecordSeen, UserRowsSeen
from verifier.endpoints import Endpoints, Guards

T = TypeVar("T")

DEPENDENCY = "database"

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


_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


class RecordReader:
    """Reads through a pool that only connects when asked; needs nothing but SELECT.

    Each call may take `seconds`. Every method raises the database's `Failure`, and `AllUnavailable`
    when it may not be asked now.
    """

    def __init__(
        self, pool: asyncpg.Pool, address: Address, guards: Guards, *, seconds: float
    ) -> None:
        self._endpoints = Endpoints(DEPENDENCY, [address], lambda _: pool, guards, seconds=seconds)
        self.endpoint = address.name

    async def record(self, mint_id: str) -> RecordSeen | None:
        """The mint's record, or None."""
        row = await self._ask(lambda pool: pool.fetchrow(_RECORD, mint_id))
        return None if row is None else RecordSeen(**dict(row))

    async def user_rows(self, user_id: str, mint_id: str) -> UserRowsSeen:
        """The user's lock and unfinished mints."""
        (row,) = await self._ask(lambda pool: pool.fetch(_USER_ROWS, user_id, mint_id))
        return UserRowsSeen(statuses=json.loads(row["statuses"]), lock_holder=row["lock_holder"])

    async def readiness(self) -> str | None:
        """None if the database answers, else what it did instead."""
        return await self._endpoints.readiness(
            lambda pool: self._classified(pool.fetchval("select 1"))
        )

    async def _ask(self, query: Callable[[asyncpg.Pool], Awaitable[T]]) -> T:
        return await self._endpoints.ask(self.endpoint, lambda pool: self._classified(query(pool)))

    async def _classified(self, asking: Awaitable[T]) -> T:
        try:
            return await asking
        except _ERRORS as error:
            raise classify_postgres_error(error, self.endpoint) from error


def database_address(url: str) -> Address:
    """A database by the hosts and the name of its connection URL.

    The address' URL has no more than the login, which must not show. Raises `ValueError`, which
    shows nothing, for a URL whose login could be taken for something else.
    """
    return Address(endpoint_of(url), urlsplit(url)._replace(path="").geturl())

"""Does the database take writes? Tried by a transaction that writes, as each mint needs (MF-3)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import asyncpg

from mint_resilience.backoff import GATE_DATABASE, Backoff, retry
from mint_resilience.failures import Failure
from reconciler.database import failure_of

SECONDS = 5.0
"""Between two probes; what batches write in between shows in their own failures."""

SECONDS_UNTIL_WELL = 1.0
_PATIENCE = 5.0
"""Seconds that one attempt may take."""

_WRITE = "INSERT INTO write_probe DEFAULT VALUES RETURNING id"
_CLEAN_UP = "DELETE FROM write_probe WHERE id = $1"

Tell = Callable[[str | None], None]


class WriteProbe:
    """Probes again and again; `tell` is told after each what is wrong, or None."""

    def __init__(self, pool: asyncpg.Pool, tell: Tell, policy: Backoff = GATE_DATABASE) -> None:
        """The pool's connections are used past the breaker: a look is no work on the database."""
        self._pool = pool
        self._tell = tell
        self._policy = policy

    async def run(self) -> None:
        """Probe until cancelled."""
        while True:
            fault = await self.fault()
            self._tell(fault)
            await asyncio.sleep(SECONDS if fault is None else SECONDS_UNTIL_WELL)

    async def fault(self) -> str | None:
        """None when a transaction that writes was committed, else why not, after the last try."""
        try:
            await retry(self._write, self._policy)
        except Failure as failure:
            return str(failure)
        return None

    async def _write(self) -> None:
        try:
            async with (
                asyncio.timeout(_PATIENCE),
                self._pool.acquire() as connection,
                connection.transaction(),
            ):
                number = await connection.fetchval(_WRITE)
                await connection.execute(_CLEAN_UP, number)
        except Exception as error:
            raise failure_of(error) from error

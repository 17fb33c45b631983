"""The database behind a breaker: what finds nobody there waits, and with it consumption (RE-9).

| failure | again |
|---|---|
| deadlock, time-out (Transient) | at once, and once more after 0.5 and 1 s |
| connection (Outage) | after 0.5, 1 and 2 s |
| either of them still | the breaker opens: all work waits until it lets a probe through |
| a table or a right is missing (Permanent) | seldom: it is an operator's matter, and no record's |

Nothing is given up, for Kafka keeps what waits. What is no failure of the database goes through at
once, and is not held against it: `Poison` is some record's, others are Kafka's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import asyncpg
import structlog

from mint_resilience.backoff import DEADLOCK, PENDING_RECORD, RECONNECT, retry
from mint_resilience.breaker import BreakerPolicy, Clock, State
from mint_resilience.endpoint import Endpoint, Observer
from mint_resilience.endpoints import EndpointPool
from mint_resilience.failures import (
    AllUnavailable,
    Degraded,
    Failure,
    Outage,
    Permanent,
    Transient,
)
from mint_runtime.logs import told
from reconciler import metrics
from reconciler.database import failure_of
from reconciler.persist import report

T = TypeVar("T")

DEPENDENCY = "database"

SECONDS_FOR_AN_OPERATOR = 30.0
"""Between two tries of what only an operator can cure."""

# What is tried again at once, and then as a pending record, has had its tries.
_RECONNECT = replace(RECONNECT, retried=(Outage,))

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _NotItsOwn:
    """A failure of something else, met while the database was used."""

    failure: Failure


class GuardedDatabase:
    """The pool of connections, and the breaker that all work on the database goes through.

    `name` is what people are told: hosts and database, no password. The pool is the caller's.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        name: str,
        *,
        policy: BreakerPolicy | None = None,
        observer: Observer | None = None,
        clock: Clock = time.monotonic,
        patience: float = SECONDS_FOR_AN_OPERATOR,
    ) -> None:
        self.pool = pool
        self._patience = patience
        self._endpoints = EndpointPool(
            DEPENDENCY,
            [Endpoint(name=name, target=pool)],
            clock=clock,
            policy=policy,
            observer=observer,
            time_limit=None,  # each statement has its own
        )
        self._endpoint = self._endpoints.endpoint(name)
        self._was_closed = True
        self._is_suspect = False

    async def ask(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Do it once, if the breaker lets it.

        Raises `AllUnavailable` when it does not, the classified failure of the database, and
        whatever failure of something else the operation ends in.
        """
        return _answer(await self._call(operation))

    async def run(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Do it until the database lets it; the operation has to be safe to do twice.

        Raises `Poison` for values that it does not take, or for a bug, and whatever failure of
        something else the operation ends in.
        """
        while True:
            try:
                answer = await self._patiently(operation)
            except AllUnavailable as unavailable:
                log.info("database waited for", **told(unavailable))
                await self._endpoints.until_usable()
            except (Transient, Degraded, Outage) as failure:
                self._endpoint.breaker.trip(f"tried again in vain: {failure}")
            except Permanent as failure:
                await self._wait_for_an_operator(failure)
            else:
                return _answer(answer)

    def looked(self, fault: str | None) -> None:
        """Who looks past the breaker has found this: None when the database is well.

        The next probe may then be made at once, instead of up to 30 s later: once after the breaker
        has opened, and once more after each look that found a fault in between.
        """
        is_closed = self._endpoint.breaker.state is State.CLOSED
        opened = self._was_closed and not is_closed
        self._was_closed = is_closed
        self._is_suspect = self._is_suspect or opened or fault is not None
        if self._is_suspect and fault is None:
            self._is_suspect = False
            self._endpoint.hasten()

    async def _patiently(self, operation: Callable[[], Awaitable[T]]) -> T | _NotItsOwn:
        async def at_once() -> T | _NotItsOwn:
            return await retry(
                lambda: self._call(operation), DEADLOCK, name="database.at_once", on_retry=report
            )

        async def soon() -> T | _NotItsOwn:
            return await retry(at_once, PENDING_RECORD, name="database.soon", on_retry=report)

        return await retry(soon, _RECONNECT, name="database.reconnect", on_retry=report)

    async def _call(self, operation: Callable[[], Awaitable[T]]) -> T | _NotItsOwn:
        async def attempt(_: asyncpg.Pool) -> T | _NotItsOwn:
            try:
                return await operation()
            except Failure as failure:
                return _NotItsOwn(failure)
            except Exception as error:
                raise failure_of(error, self._endpoint.name) from error

        return await self._endpoints.call(attempt)

    async def _wait_for_an_operator(self, failure: Permanent) -> None:
        metrics.RETRIES.labels(failure.kind).inc()
        log.error("database is not as it has to be", wait=self._patience, **told(failure))
        await asyncio.sleep(self._patience)


def _answer(answer: T | _NotItsOwn) -> T:
    if isinstance(answer, _NotItsOwn):
        raise answer.failure
    return answer

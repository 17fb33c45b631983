"""The Solana endpoints as one: who is asked, who next, and whose word is needed.

- One answer is enough: that of the best endpoint that may be asked and does not lag (CH-5). Many
  mints wait for it, so when it is late the next endpoint is asked as well.
- Everybody's word is needed for what decides. Healthy is whose breaker is closed: whoever hangs or
  fails is waited for only until it opens.
- When nobody may be asked the work waits: a moment here, for somebody else's probe to end, then
  where waiting is durable (`AllUnavailable`). That is no failure of any mint (NR-3).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import structlog
from prometheus_client import Gauge

from chain_minter.rpc import Endpoint, Preflight, Refused
from mint_resilience.backoff import TRANSIENT, Backoff, retry
from mint_resilience.breaker import State
from mint_resilience.endpoint import GuardedEndpoint
from mint_resilience.endpoints import ON_ANY_FAULT, EndpointPool
from mint_resilience.failures import AllUnavailable, Degraded, Failure, Outage, RateLimited
from mint_resilience.hedging import Allowance, Hedge

T = TypeVar("T")
log = structlog.stdlib.get_logger(__name__)
Operation = Callable[[Endpoint], Awaitable[T]]

DEPENDENCY = "solana"
WAITING = Gauge(
    "trimint_solana_waiting", "Calls that wait because no Solana endpoint may be asked now."
)
_PATIENCE = 1.0
_LONGEST_PAUSE = 10.0
_MOMENT = 2.0
_READING = replace(TRANSIENT, most_wait=3.0)  # it is many mints' call: they can wait durably
_HEARING = replace(TRANSIENT, most_wait=1.1 * _LONGEST_PAUSE)  # with the jitter
_LOOK_AGAIN = 3.0  # looking costs no call: whoever is found well again is to be asked soon


class _UnknownBlockhash(Refused):
    """The endpoint does not know the blockhash (yet): another one may."""


_NEXT_MAY_TAKE_IT = (*ON_ANY_FAULT, _UnknownBlockhash)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long one endpoint is waited for.

    A read is given up after `read_seconds`: it is safe to ask the next one, and many mints wait for
    it; after `late_seconds` the next one is asked beside it, for sendings in at most `late_share`
    of all. `policy` says how often a read is tried that nobody could answer, `hearing` how often
    one endpoint is asked of which an answer of its own is wanted.
    """

    read_seconds: float = 3.0
    late_seconds: float = 1.0
    late_share: float = 0.1
    policy: Backoff = _READING
    hearing: Backoff = _HEARING


class Endpoints:
    """One or more endpoints behind their breakers."""

    def __init__(self, pool: EndpointPool[Endpoint], patience: Patience = Patience()) -> None:
        self._pool = pool
        self._patience = patience
        self._reads = Hedge(patience.late_seconds, Allowance(share=1.0))
        self._sendings = Hedge(
            patience.late_seconds, Allowance(share=patience.late_share), leaves=True
        )

    def __iter__(self) -> Iterator[GuardedEndpoint[Endpoint]]:
        """All of them, by priority."""
        return (self._pool.endpoint(status.name) for status in self._pool.statuses())

    async def read(self, operation: Operation[T]) -> T:
        """The answer of the first that gives one.

        Raises what the last endpoint raised when nobody could answer in several attempts, at once
        an answer that is final (`Permanent`, `Conflict`), and `AllUnavailable` when nobody may be
        asked.
        """

        async def once() -> T:
            return await self._pool.call_hedged(self._reading(operation), self._reads, reading=True)

        return await retry(lambda: self._once_usable(once), self._patience.policy)

    async def hand_over(self, operation: Operation[T], *, skip: int) -> T:
        """Let an endpoint take a transaction: the one `skip` places down, or one after it.

        Safe to do twice, so the next one is asked also when the effect is unknown, when one does
        not know the blockhash, and beside one that is late, as far as that is allowed: sendings are
        most of the load, and more of them make slow endpoints slower. Raises as `read`, but tries
        each endpoint only once; one that is late is not waited for when all others have failed.
        """

        async def once() -> T:
            return await self._pool.call_hedged(
                _telling_unknown_blockhashes(operation),
                self._sendings,
                failover=_NEXT_MAY_TAKE_IT,
                reading=True,  # preflight is a read: who lags does not know the blockhash
                skip=skip,
            )

        return await self._once_usable(once)

    async def every(self, operation: Operation[T], *, enough: int) -> list[T]:
        """The answers of all healthy endpoints, also of those that lag.

        Raises `Outage` when nobody is there, `AllUnavailable` when nobody may be asked, and what an
        endpoint raised that is healthy but could not answer in several attempts: it may know better
        than the others, unless `enough` have answered.
        """
        return await self._once_usable(lambda: self._hear_all(self._reading(operation), enough))

    def report_position(self, name: str, slot: int) -> None:
        """Say which slot an endpoint has been seen at."""
        self._pool.report_position(name, slot)

    async def _hear_all(self, operation: Operation[T], enough: int) -> list[T]:
        heard = await asyncio.gather(*(self._hear(endpoint, operation) for endpoint in self))
        answers = [answer for each in heard if not isinstance(each, Failure) for answer in each]
        for failure in heard:
            if isinstance(failure, Failure) and len(answers) < enough:
                raise failure
        if answers:
            return answers
        if self._pool.wait() > 0:
            raise AllUnavailable(f"no endpoint of {DEPENDENCY} may be asked now")
        names = ", ".join(endpoint.name for endpoint in self)
        raise Outage(f"no Solana endpoint answers: {names}")

    async def _hear(
        self, endpoint: GuardedEndpoint[Endpoint], operation: Operation[T]
    ) -> tuple[T, ...] | Failure:
        """Its answer, nothing if it is not healthy, or why it could not answer."""

        async def once() -> tuple[T, ...]:
            permit = endpoint.admit(_PATIENCE)
            if permit is None:
                return _unheard(endpoint)
            try:
                return (await endpoint.call(permit, operation),)
            except RateLimited:
                return _unheard(endpoint)

        try:
            return await retry(once, self._patience.hearing)
        except (Outage, RateLimited):  # not there, or not willing for the time being
            return ()
        except Failure as failure:
            log.warning("not heard", failure=failure.kind, detail=str(failure))
            return failure

    async def _once_usable(self, call: Callable[[], Awaitable[T]]) -> T:
        ends = asyncio.get_running_loop().time() + _MOMENT
        while True:
            try:
                return await call()
            except AllUnavailable as nobody:
                if not await self._is_usable_by(ends):
                    again = min(self._pool.wait(reading=True), _LOOK_AGAIN)
                    raise AllUnavailable(str(nobody), retry_after=again) from nobody
            except RateLimited as limit:  # by the last one that was asked: who is free first?
                again = self._pool.wait(reading=True)
                raise RateLimited(str(limit), endpoint=limit.endpoint, retry_after=again) from limit

    async def _is_usable_by(self, time: float) -> bool:
        try:
            with WAITING.track_inprogress():
                async with asyncio.timeout_at(time):
                    await self._pool.until_usable(reading=True)
        except TimeoutError:
            return False
        return True

    def _reading(self, operation: Operation[T]) -> Operation[T]:
        seconds = self._patience.read_seconds

        async def limited(endpoint: Endpoint) -> T:
            try:
                async with asyncio.timeout(seconds):
                    return await operation(endpoint)
            except TimeoutError as error:
                message = f"{endpoint.name}: no answer within {seconds:g} s; ask another endpoint"
                raise Degraded(message, endpoint=endpoint.name) from error

        return limited


def _unheard(endpoint: GuardedEndpoint[Endpoint]) -> tuple[()]:
    """Who wants fewer calls is waited for, if not for long; whose breaker is open is not."""
    wait = endpoint.wait(_PATIENCE)
    closed = endpoint.breaker.state in (State.CLOSED, State.FORCED_CLOSED)
    if closed and wait <= _LONGEST_PAUSE:
        message = f"{endpoint.name} is at its rate limit for {wait:.0f} s"
        raise RateLimited(message, endpoint=endpoint.name, retry_after=wait)
    return ()


def _telling_unknown_blockhashes(operation: Operation[T]) -> Operation[T]:
    async def telling(endpoint: Endpoint) -> T:
        try:
            return await operation(endpoint)
        except Refused as refusal:
            if refusal.preflight is not Preflight.BLOCKHASH:
                raise
            raise _UnknownBlockhash(
                str(refusal), endpoint=refusal.endpoint, preflight=refusal.preflight
            ) from refusal

    return telling

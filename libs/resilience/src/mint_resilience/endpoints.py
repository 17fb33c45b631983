"""Several endpoints that can stand in for each other: who is asked, and who is asked next.

```python
pool = EndpointPool("solana", [Endpoint(name=url, target=Rpc(url), priority=n) …], clock=monotonic)
answer = await pool.call(lambda rpc: rpc.ask(request))
```

The best endpoint that may be asked is asked: its breaker lets calls through, its rate has a token,
and for a read it does not lag. What it can not do, the next one may. When none may be asked, the
call was not tried: `AllUnavailable`, which counts as no failure of a mint (NR-3).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Generic, TypeVar

from mint_resilience.breaker import BreakerPolicy, Clock, Permit
from mint_resilience.endpoint import (
    Endpoint,
    EndpointStatus,
    GuardedEndpoint,
    Observer,
    Unobserved,
)
from mint_resilience.failures import (
    AllUnavailable,
    Deferred,
    Degraded,
    Failure,
    Outage,
    RateLimited,
    Transient,
)
from mint_resilience.hedging import Hedge, NobodyAsked, Race, Start
from mint_resilience.positions import Positions

E = TypeVar("E")
T = TypeVar("T")

ON_OUTAGE: tuple[type[Failure], ...] = (Outage,)
"""Go to the next endpoint only when nobody was there: nothing can have taken effect."""

ON_ANY_FAULT: tuple[type[Failure], ...] = (Outage, Transient, RateLimited, Degraded)
"""Go to the next endpoint also when the effect is unknown: for what is safe to do twice."""

PATIENCE = 1.0
"""Seconds to wait for a better endpoint's token rather than to ask the next endpoint."""


@dataclass(frozen=True, slots=True)
class Answered(Generic[T]):
    """The endpoint answered, after so many seconds."""

    endpoint: str
    value: T
    seconds: float


@dataclass(frozen=True, slots=True)
class Failed:
    """The endpoint was asked and failed, after so many seconds."""

    endpoint: str
    failure: Failure
    seconds: float


@dataclass(frozen=True, slots=True)
class Skipped:
    """The endpoint was not asked; it may be in so many seconds (infinite: forced open)."""

    endpoint: str
    wait: float


Answer = Answered[T] | Failed | Skipped


class EndpointPool(Generic[E]):
    """Endpoints of one dependency. Safe to share between tasks of one event loop.

    `time_limit` is how many seconds one endpoint has for one call, None for no limit of the pool's.
    Raises `ValueError` when two endpoints have the same name.
    """

    def __init__(
        self,
        dependency: str,
        endpoints: Sequence[Endpoint[E]],
        *,
        clock: Clock,
        policy: BreakerPolicy | None = None,
        positions: Positions | None = None,
        observer: Observer | None = None,
        time_limit: float | None = 30.0,
        patience: float = PATIENCE,
    ) -> None:
        self.dependency = dependency
        self._clock = clock
        self._policy = policy or BreakerPolicy()
        self._positions = positions or Positions()
        self._observer = observer or Unobserved()
        self._time_limit = time_limit
        self._patience = patience
        self._changed = asyncio.Event()
        self._endpoints = {endpoint.name: self._guarded(endpoint) for endpoint in endpoints}
        if len(self._endpoints) < len(endpoints):
            raise ValueError(f"two endpoints of {dependency} have the same name")

    async def call(
        self,
        operation: Callable[[E], Awaitable[T]],
        *,
        failover: tuple[type[Failure], ...] = ON_ANY_FAULT,
        reading: bool = False,
        skip: int = 0,
    ) -> T:
        """The answer of the best endpoint that can give one.

        `failover` are the failures after which the next one is asked. A `reading` call passes over
        endpoints that lag. `skip` begins so many places down (and around).

        Raises what the last endpoint raised that was asked, at once what is no reason to go on, and
        `AllUnavailable` when none was asked.
        """
        last: Failure | None = None
        for start in self._starts(operation, reading=reading, skip=skip):
            try:
                return await start()
            except Deferred:
                raise
            except failover as failure:
                last = failure
        raise last or self._all_unavailable(reading)

    async def call_hedged(
        self,
        operation: Callable[[E], Awaitable[T]],
        hedge: Hedge,
        *,
        failover: tuple[type[Failure], ...] = ON_ANY_FAULT,
        reading: bool = False,
        skip: int = 0,
    ) -> T:
        """As `call`, but the next endpoint is asked also when one is late: the first answer counts.

        For what is safe to do twice. Who is late is not cut off, so its breaker learns how it ends.
        """

        def is_passing(error: BaseException) -> bool:
            return isinstance(error, failover) and not isinstance(error, Deferred)

        starts = self._starts(operation, reading=reading, skip=skip)
        try:
            return await Race(starts, hedge, is_passing).winner()
        except NobodyAsked:
            raise self._all_unavailable(reading) from None

    async def ask_each(
        self, operation: Callable[[E], Awaitable[T]], *, reading: bool = False
    ) -> list[Answer[T]]:
        """Ask all endpoints that may be asked, at the same time; one answer each, by priority.

        Raises only what is no `Failure`.
        """
        endpoints = self._order(0)
        return list(
            await asyncio.gather(*(self._ask(one, operation, reading) for one in endpoints))
        )

    async def ask(
        self, name: str, operation: Callable[[E], Awaitable[T]], *, reading: bool = False
    ) -> Answer[T]:
        """Ask this endpoint and no other, if it may be asked.

        Raises `KeyError` when there is none of that name, and what is no `Failure`.
        """
        return await self._ask(self._endpoints[name], operation, reading)

    def wait(self, *, reading: bool = False) -> float:
        """Seconds until an endpoint may be asked; infinite when all are forced open."""
        return min((self._wait(one, reading) for one in self._endpoints.values()), default=inf)

    async def until_usable(self, *, reading: bool = False) -> None:
        """Wait until an endpoint may be asked; who comes first may get the only permit."""
        while (seconds := self.wait(reading=reading)) > 0:
            self._changed.clear()
            await _event_or_timeout(self._changed, seconds)

    def report_position(self, name: str, position: int) -> None:
        """Say how far (slot, height) an endpoint has been seen to have come (CH-5)."""
        self._positions.report(name, position, self._clock())

    def endpoint(self, name: str) -> GuardedEndpoint[E]:
        """The endpoint of that name, for an operator to force its breaker or adjust its rate.

        Raises `KeyError` when there is none.
        """
        return self._endpoints[name]

    def statuses(self) -> list[EndpointStatus]:
        """How each endpoint is doing, by priority."""
        return [one.status(self._positions.lag(one.name)) for one in self._order(0)]

    def _guarded(self, endpoint: Endpoint[E]) -> GuardedEndpoint[E]:
        return GuardedEndpoint(
            endpoint,
            dependency=self.dependency,
            policy=self._policy,
            time_limit=self._time_limit,
            clock=self._clock,
            observer=self._observer,
            on_change=self._changed.set,
        )

    def _order(self, skip: int) -> list[GuardedEndpoint[E]]:
        ranked = sorted(self._endpoints.values(), key=lambda endpoint: endpoint.rank)
        start = skip % len(ranked) if ranked else 0
        return ranked[start:] + ranked[:start]

    def _starts(
        self, operation: Callable[[E], Awaitable[T]], *, reading: bool, skip: int
    ) -> Iterator[Start[T]]:
        """The calls that may be made, the best endpoint's first; each is to be begun at once."""
        failed: list[tuple[str, Failure]] = []

        async def call(endpoint: GuardedEndpoint[E], permit: Permit) -> T:
            try:
                return await endpoint.call(permit, operation)
            except Failure as failure:
                failed.append((endpoint.name, failure))
                raise

        for endpoint in self._order(skip):
            permit = endpoint.admit(self._patience) if self._fit(endpoint, reading) else None
            if permit is None:
                continue
            if failed:
                source, failure = failed[-1]
                self._observer.failed_over(self.dependency, source, endpoint.name, failure)
            yield partial(call, endpoint, permit)

    def _fit(self, endpoint: GuardedEndpoint[E], reading: bool) -> bool:
        return not reading or self._positions.wait(endpoint.name, self._clock()) <= 0

    def _wait(self, endpoint: GuardedEndpoint[E], reading: bool) -> float:
        lagging = self._positions.wait(endpoint.name, self._clock()) if reading else 0.0
        return max(lagging, endpoint.wait(self._patience))

    async def _ask(
        self, endpoint: GuardedEndpoint[E], operation: Callable[[E], Awaitable[T]], reading: bool
    ) -> Answer[T]:
        permit = endpoint.admit(self._patience) if self._fit(endpoint, reading) else None
        if permit is None:
            return Skipped(endpoint.name, self._wait(endpoint, reading))
        started = self._clock()
        try:
            value = await endpoint.call(permit, operation)
        except Failure as failure:
            return Failed(endpoint.name, failure, self._clock() - started)
        return Answered(endpoint.name, value, self._clock() - started)

    def _all_unavailable(self, reading: bool) -> AllUnavailable:
        wait = self.wait(reading=reading)
        told = _told(self.statuses()) or "none is set"
        again = None if wait == inf else wait
        return AllUnavailable(
            f"no endpoint of {self.dependency} may be asked now: {told}; wait", retry_after=again
        )


def _told(statuses: Iterable[EndpointStatus]) -> str:
    return ", ".join(f"{one.name} ({one.state}, {one.lag} behind)" for one in statuses)


async def _event_or_timeout(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, at most so many seconds."""
    try:
        async with asyncio.timeout(None if seconds == inf else seconds):
            await event.wait()
    except TimeoutError:
        return

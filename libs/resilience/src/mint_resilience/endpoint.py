"""One endpoint under guard: its breaker, its rate, its latency, and calls made through them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import inf
from typing import Generic, Protocol, TypeVar

from mint_resilience.breaker import (
    Breaker,
    BreakerPolicy,
    Clock,
    Permit,
    State,
    Transition,
    judge,
)
from mint_resilience.failures import Degraded, Failure, RateLimited, Transient
from mint_resilience.latency import Latency
from mint_resilience.rate import UNLIMITED, Rate, TokenBucket

E = TypeVar("E")
T = TypeVar("T")

OK = "ok"
BUG = "bug"
CANCELLED = "cancelled"

PAUSE_AFTER_RATE_LIMIT = 2.0
"""Seconds that an endpoint is left alone that asked for patience without saying how much: longer
than anybody waits for a better endpoint's token, or each call would wait for it in vain first."""


class Observer(Protocol):
    """Who is told what happens: metrics, log lines, events. It must not raise, nor wait."""

    def watched(self, dependency: str, endpoint: str) -> None:
        """An endpoint is used from now on; its breaker is closed."""

    def called(self, dependency: str, endpoint: str, outcome: str, seconds: float) -> None:
        """A call ended: `ok`, a failure's kind, `bug` or `cancelled`."""

    def transitioned(self, dependency: str, endpoint: str, transition: Transition) -> None:
        """An endpoint's breaker changed its state."""

    def failed_over(self, dependency: str, source: str, target: str, failure: Failure) -> None:
        """A call that failed at one endpoint goes to the next."""


class Unobserved:
    """An observer that looks away."""

    def watched(self, dependency: str, endpoint: str) -> None:
        """Nothing follows."""

    def called(self, dependency: str, endpoint: str, outcome: str, seconds: float) -> None:
        """Nothing follows."""

    def transitioned(self, dependency: str, endpoint: str, transition: Transition) -> None:
        """Nothing follows."""

    def failed_over(self, dependency: str, source: str, target: str, failure: Failure) -> None:
        """Nothing follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(Generic[E]):
    """Somebody who may be asked: what operations are given (`target`), and how it is preferred.

    `name` goes into metrics and log lines, so it holds no key. The lowest `priority` is asked
    first; among equals, the one that has been the fastest.
    """

    name: str
    target: E
    priority: int = 0
    rate: Rate = UNLIMITED


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointStatus:
    """How an endpoint is doing; latencies in seconds, None before its first call."""

    name: str
    priority: int
    state: State
    wait: float
    average: float | None
    p50: float | None
    p95: float | None
    lag: int


class GuardedEndpoint(Generic[E]):
    """An endpoint that is called only through its guards."""

    def __init__(
        self,
        endpoint: Endpoint[E],
        *,
        dependency: str,
        policy: BreakerPolicy,
        time_limit: float | None,
        clock: Clock,
        observer: Observer,
        on_change: Callable[[], None],
    ) -> None:
        self.name = endpoint.name
        self.target = endpoint.target
        self.priority = endpoint.priority
        self.bucket = TokenBucket(endpoint.rate, clock=clock)
        self.breaker = Breaker(policy, clock=clock, on_transition=self._transitioned)
        self.latency = Latency()
        self._dependency = dependency
        self._time_limit = time_limit
        self._clock = clock
        self._observer = observer
        self._on_change = on_change
        observer.watched(dependency, endpoint.name)

    @property
    def rank(self) -> tuple[int, float]:
        """The lower, the sooner it is asked."""
        return self.priority, self.latency.average or 0.0

    def wait(self, patience: float) -> float:
        """Seconds until it may be asked; 0 also when a token comes within `patience`."""
        token = self.bucket.wait()
        return max(self.breaker.wait(), token if token > patience else 0.0)

    def hasten(self) -> None:
        """Let an open breaker's next probe be due now, and tell whoever waits for it."""
        self.breaker.hasten()
        self._on_change()

    def admit(self, patience: float) -> Permit | None:
        """Leave to call it, or None when it may not be asked now."""
        return None if self.wait(patience) > 0 else self.breaker.acquire()

    async def call(self, permit: Permit, operation: Callable[[E], Awaitable[T]]) -> T:
        """Make the call that was permitted, once there is a token for it.

        Raises what the operation raises, and `Degraded` when it took longer than the time limit:
        whether it took effect is then unknown.
        """
        await self.bucket.acquire()
        started, outcome = self._clock(), CANCELLED
        failure: Failure | None = None
        try:
            answer = await self._within_limit(operation)
            outcome = OK
        except Failure as error:
            failure, outcome = error, error.kind
            self._heed(error)
            raise
        except Exception:
            outcome = BUG
            raise
        finally:
            self._record(permit, outcome, failure, self._clock() - started)
        return answer

    async def _within_limit(self, operation: Callable[[E], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(self._time_limit) as limit:
                return await operation(self.target)
        except TimeoutError as error:
            if not limit.expired():
                raise
            message = f"{self.name}: no answer within {self._time_limit:g} s; its effect is unknown"
            raise Degraded(message, endpoint=self.name) from error

    def _heed(self, failure: Failure) -> None:
        if isinstance(failure, RateLimited):
            wish = failure.retry_after
            self.bucket.pause(PAUSE_AFTER_RATE_LIMIT if wish is None else wish)
        elif type(failure) is Transient and failure.retry_after is not None:
            self.bucket.pause(failure.retry_after)

    def _record(
        self, permit: Permit, outcome: str, failure: Failure | None, seconds: float
    ) -> None:
        """A cancelled call, or a bug of ours, tells of the endpoint only that it was too slow."""
        self.latency.add(seconds)
        self._observer.called(self._dependency, self.name, outcome, seconds)
        policy = self.breaker.policy
        if outcome in (CANCELLED, BUG) and seconds <= policy.slow_call:
            return
        reason = str(failure) if failure else f"{outcome} after {seconds:.1f} s"
        kind = failure.kind if failure else None
        self.breaker.report(permit, judge(failure, seconds, policy), reason, kind)
        if self.breaker.state is State.HALF_OPEN:  # a probe has ended: there may be room for more
            self._on_change()

    def _transitioned(self, transition: Transition) -> None:
        self._observer.transitioned(self._dependency, self.name, transition)
        self._on_change()

    def status(self, lag: int) -> EndpointStatus:
        """How it is doing; `lag` is what the pool knows of its position."""
        return EndpointStatus(
            name=self.name,
            priority=self.priority,
            state=self.breaker.state,
            wait=self.wait(inf),
            average=self.latency.average,
            p50=self.latency.percentile(0.5),
            p95=self.latency.percentile(0.95),
            lag=lag,
        )

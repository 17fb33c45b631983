"""What the service depends on: how each endpoint does, as metrics, lines and events; its limits."""

from __future__ import annotations

import structlog
from prometheus_client import Counter, Gauge, Histogram
from pydantic import Field

from mint_events.bus import Recovery
from mint_resilience.breaker import BreakerPolicy, State, Transition
from mint_resilience.failures import Failure
from mint_runtime.breaker_changes import BreakerChanges
from mint_runtime.settings import ServiceSettings

DEPENDENCY_SECONDS = Histogram(
    "trimint_dependency_seconds",
    "Duration of a call to an endpoint; outcome: ok, a failure's class, bug or cancelled.",
    ["dependency", "endpoint", "outcome"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
BREAKER_STATE = Gauge(
    "trimint_breaker_state",
    "0 closed, 1 half open, 2 open, 3 forced open, -1 forced closed.",
    ["dependency", "endpoint"],
)
STATE_NUMBERS = {
    State.CLOSED: 0,
    State.HALF_OPEN: 1,
    State.OPEN: 2,
    State.FORCED_OPEN: 3,
    State.FORCED_CLOSED: -1,
}
BREAKER_TRANSITIONS = Counter(
    "trimint_breaker_transitions_total",
    "Changes of a breaker's state, by the new one.",
    ["dependency", "endpoint", "state"],
)
FAILOVERS = Counter(
    "trimint_failovers_total",
    "Calls that went on to another endpoint.",
    ["dependency", "source", "target", "failure"],
)

log = structlog.stdlib.get_logger(__name__)


class DependencyMetrics:
    """The observer of endpoint pools: tells Prometheus and the log what they do.

    What waits for a dependency is told by `recovery` that a breaker has closed; `changes` make
    events of what breakers do.
    """

    def __init__(self, recovery: Recovery, changes: BreakerChanges) -> None:
        self._recovery = recovery
        self._changes = changes

    def watched(self, dependency: str, endpoint: str) -> None:
        """As `mint_resilience.endpoint.Observer` says."""
        BREAKER_STATE.labels(dependency, endpoint).set(STATE_NUMBERS[State.CLOSED])

    def called(self, dependency: str, endpoint: str, outcome: str, seconds: float) -> None:
        """As `mint_resilience.endpoint.Observer` says."""
        DEPENDENCY_SECONDS.labels(dependency, endpoint, outcome).observe(seconds)

    def transitioned(self, dependency: str, endpoint: str, transition: Transition) -> None:
        """As `mint_resilience.endpoint.Observer` says."""
        BREAKER_STATE.labels(dependency, endpoint).set(STATE_NUMBERS[transition.after])
        BREAKER_TRANSITIONS.labels(dependency, endpoint, transition.after).inc()
        self._changes.tell(dependency, endpoint, transition)
        if transition.after in (State.CLOSED, State.FORCED_CLOSED):
            self._recovery.announce()

    def failed_over(self, dependency: str, source: str, target: str, failure: Failure) -> None:
        """As `mint_resilience.endpoint.Observer` says."""
        FAILOVERS.labels(dependency, source, target, failure.kind).inc()
        log.info(
            "failed over",
            dependency=dependency,
            source=source,
            target=target,
            failure=failure.kind,
            detail=str(failure),
        )


class BreakerSettings(ServiceSettings):
    """The figures of NR-2, for settings of a service that has breakers."""

    breaker_window_seconds: float = Field(
        default=60.0, gt=0, description="seconds that a breaker looks back on, above 0"
    )
    breaker_failure_rate: float = Field(
        default=0.5, gt=0, le=1, description="share of failed calls that opens a breaker, up to 1"
    )
    breaker_minimum_calls: int = Field(
        default=10, ge=1, description="calls in the window before a breaker may open, at least 1"
    )
    breaker_probe_seconds: float = Field(
        default=30.0, ge=0, description="seconds between probes of an open breaker"
    )
    breaker_successes: int = Field(
        default=3, ge=1, description="good probes in a row that close a breaker, at least 1"
    )
    breaker_slow_seconds: float = Field(
        default=30.0, gt=0, description="seconds after which a call counts as failed, above 0"
    )

    @property
    def breaker_policy(self) -> BreakerPolicy:
        """The policy that these settings describe."""
        return BreakerPolicy(
            window=self.breaker_window_seconds,
            failure_rate=self.breaker_failure_rate,
            minimum_calls=self.breaker_minimum_calls,
            probe_interval=self.breaker_probe_seconds,
            successes_to_close=self.breaker_successes,
            slow_call=self.breaker_slow_seconds,
        )

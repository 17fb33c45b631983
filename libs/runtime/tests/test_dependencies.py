"""What endpoint pools do is seen in the metrics and the log, and their breakers can be set."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from mint_events.bus import Recovery
from mint_resilience.breaker import BreakerPolicy, State
from mint_resilience.endpoint import Endpoint
from mint_resilience.endpoints import EndpointPool
from mint_resilience.failures import Outage
from mint_runtime.breaker_changes import BreakerChanges
from mint_runtime.censor import Censor
from mint_runtime.dependencies import STATE_NUMBERS, BreakerSettings, DependencyMetrics
from mint_runtime.settings import SettingsError, load


def pool(dependency: str, recovery: Recovery | None = None) -> EndpointPool[str]:
    """Two endpoints; the observer that is shown is the product's own."""
    changes = BreakerChanges(
        service="example", instance="one", censor=Censor(), now=lambda: datetime.now(UTC)
    )
    endpoints = [
        Endpoint(name=name, target=name, priority=place)
        for place, name in enumerate(("first", "second"))
    ]
    return EndpointPool(
        dependency,
        endpoints,
        clock=lambda: 0.0,
        policy=BreakerPolicy(minimum_calls=1),
        observer=DependencyMetrics(recovery or Recovery(), changes),
    )


async def first_is_out(endpoint: str) -> str:
    if endpoint == "first":
        raise Outage("refused")
    return endpoint


@pytest.fixture
def value() -> Callable[..., float | None]:
    def sample(name: str, **labels: str) -> float | None:
        return REGISTRY.get_sample_value(name, labels)

    return sample


@pytest.mark.requirement("NR-1", "NR-2")
async def test_calls_transitions_and_failovers_are_counted(
    value: Callable[..., float | None],
) -> None:
    asked = pool("counted")
    assert value("trimint_breaker_state", dependency="counted", endpoint="first") == 0
    await asked.call(first_is_out)

    ends = {"dependency": "counted", "endpoint": "first"}
    assert value("trimint_dependency_seconds_count", outcome="outage", **ends) == 1
    assert value("trimint_breaker_state", **ends) == STATE_NUMBERS[State.OPEN]
    assert value("trimint_breaker_transitions_total", state="open", **ends) == 1
    way = {"source": "first", "target": "second", "failure": "outage"}
    assert value("trimint_failovers_total", dependency="counted", **way) == 1


@pytest.mark.requirement("NR-2")
async def test_a_transition_is_a_line_in_the_log_with_its_reason() -> None:
    with capture_logs() as lines:
        await pool("logged").call(first_is_out)
    (line,) = (line for line in lines if line["event"] == "breaker changed")
    assert (line["endpoint"], line["before"], line["after"]) == ("first", "closed", "open")
    assert "refused" in line["reason"]
    assert line["failure"] == "outage"


@pytest.mark.requirement("NR-3")
async def test_a_breaker_that_closes_is_news_to_the_work_that_waits() -> None:
    recovery = Recovery()
    asked = pool("announced", recovery)
    first = recovery.next
    await asked.call(first_is_out)
    assert not first.is_set(), "nothing came back when it opened"
    asked.endpoint("first").breaker.force_closed("the operator knows better")
    assert first.is_set()
    assert not recovery.next.is_set(), "the next news is to come"


def test_every_state_has_a_number_of_its_own() -> None:
    assert set(STATE_NUMBERS) == set(State)
    assert len(set(STATE_NUMBERS.values())) == len(State)


@pytest.mark.requirement("NR-2", "CF-1")
def test_a_breaker_works_by_the_documents_figures_unless_it_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRIMINT_KAFKA_BROKERS", "127.0.0.1:9092")
    assert load(BreakerSettings).breaker_policy == BreakerPolicy()
    monkeypatch.setenv("TRIMINT_BREAKER_PROBE_SECONDS", "5")
    assert load(BreakerSettings).breaker_policy == BreakerPolicy(probe_interval=5.0)


@pytest.mark.requirement("CF-1")
def test_a_figure_by_which_no_breaker_can_work_stops_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRIMINT_KAFKA_BROKERS", "127.0.0.1:9092")
    monkeypatch.setenv("TRIMINT_BREAKER_FAILURE_RATE", "1.5")
    with pytest.raises(SettingsError, match="TRIMINT_BREAKER_FAILURE_RATE: expected share"):
        load(BreakerSettings)

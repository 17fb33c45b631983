"""Retries inside an operation are seen in the metrics and the log, in every service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from mint_resilience.backoff import Backoff, retry
from mint_resilience.failures import Transient
from mint_resilience.retrying import observe_retries
from mint_runtime.retry_metrics import RetryMetrics

POLICY = Backoff(attempts=2, base=0.0)


@pytest.fixture(autouse=True)
def observed() -> Iterator[None]:
    before = observe_retries(RetryMetrics())
    yield
    observe_retries(before)


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


async def attempt(outcomes: list[str]) -> str:
    outcome = outcomes.pop(0)
    if outcome == "503":
        raise Transient("pinata: HTTP 503", endpoint="pinata")
    return outcome


@pytest.mark.requirement("NR-1", "OB-1")
async def test_retries_and_whether_they_helped_are_counted_and_logged() -> None:
    with capture_logs() as lines:
        good, bad = ["503", "ok"], ["503", "503"]
        assert await retry(lambda: attempt(good), POLICY, name="test.upload") == "ok"
        with pytest.raises(Transient):
            await retry(lambda: attempt(bad), POLICY, name="test.upload")
    labels = {"operation": "test.upload"}
    assert value("trimint_retries_total", failure="transient", **labels) == 2
    assert value("trimint_retry_outcomes_total", outcome="helped", **labels) == 1
    assert value("trimint_retry_outcomes_total", outcome="failed", **labels) == 1
    assert lines[0] == {
        "event": "tried again",
        "log_level": "info",
        "operation": "test.upload",
        "failure": "transient",
        "endpoint": "pinata",
        "detail": "pinata: HTTP 503",
        "attempt": 1,
        "next_in": 0.0,
    }

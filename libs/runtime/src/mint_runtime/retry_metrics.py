"""Retries inside an operation, and whether they help, as metrics and log lines."""

from __future__ import annotations

import structlog
from prometheus_client import Counter

from mint_resilience.failures import Failure
from mint_resilience.retrying import Outcome

RETRIES = Counter(
    "trimint_retries_total",
    "Attempts at an operation that are made again, by the class of the failure before.",
    ["operation", "failure"],
)
OUTCOMES = Counter(
    "trimint_retry_outcomes_total",
    "Operations that were tried more than once: helped, failed, or unavailable in the end.",
    ["operation", "outcome"],
)

log = structlog.stdlib.get_logger(__name__)


class RetryMetrics:
    """The observer of retries: tells Prometheus and the log of them."""

    def retried(self, operation: str, failure: Failure, attempt: int, seconds: float) -> None:
        """As `mint_resilience.retrying.RetryObserver` says."""
        RETRIES.labels(operation, failure.kind).inc()
        log.info(
            "tried again",
            operation=operation,
            failure=failure.kind,
            endpoint=failure.endpoint,
            detail=str(failure),
            attempt=attempt,
            next_in=round(seconds, 3),
        )

    def settled(self, operation: str, outcome: Outcome) -> None:
        """As `mint_resilience.retrying.RetryObserver` says."""
        OUTCOMES.labels(operation, outcome).inc()

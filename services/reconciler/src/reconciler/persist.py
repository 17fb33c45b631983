"""What Kafka, or the schema registry, is asked for until it can be had."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from mint_resilience.backoff import DATABASE_BASE, SAME_ENDPOINT, Backoff, retry
from mint_resilience.failures import Failure, Outage
from mint_runtime.logs import told
from reconciler import metrics

T = TypeVar("T")

LONGEST_WAIT = 30.0
"""Seconds between two tries while it is away."""

# Kafka keeps what waits, so there is no number of attempts after which to give up.
_UNTIL_IT_IS_BACK = Backoff(
    attempts=sys.maxsize,
    rate_limited_attempts=sys.maxsize,
    base=DATABASE_BASE,
    ceiling=LONGEST_WAIT,
    most_heeded=LONGEST_WAIT,
    retried=(*SAME_ENDPOINT, Outage),
)

log = structlog.stdlib.get_logger(__name__)


async def persist(operation: Callable[[], Awaitable[T]]) -> T:
    """Do it until the outside lets it: after 0.5, 1, 2 s … 30 s again.

    Raises failures that do not pass by themselves.
    """
    return await retry(operation, _UNTIL_IT_IS_BACK, on_retry=report)


def report(failure: Failure, attempt: int, seconds: float) -> None:
    """Tell of a retry, as `mint_resilience.backoff.OnRetry`."""
    metrics.RETRIES.labels(failure.kind).inc()
    log.warning("tried again", attempt=attempt, wait=seconds, **told(failure))

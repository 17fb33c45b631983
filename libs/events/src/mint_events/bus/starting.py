"""Connecting to Kafka at the start, when it may not be there yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import structlog

from mint_events.bus.cluster import Cluster
from mint_events.bus.failing import kafka_failures
from mint_resilience.backoff import SAME_ENDPOINT, Backoff, retry
from mint_resilience.failures import Failure, Outage

START = Backoff(attempts=6, base=1.0, retried=(*SAME_ENDPOINT, Outage))
"""About half a minute in all: a broker that restarts is back by then."""

log = structlog.stdlib.get_logger(__name__)


class Client(Protocol):
    """What all of aiokafka's clients have."""

    async def start(self) -> Any:
        """Connect."""

    async def stop(self) -> Any:
        """Disconnect."""


C = TypeVar("C", bound=Client)


async def start_client(new_client: Callable[[], C], cluster: Cluster) -> C:
    """Make and start a client.

    Raises `Outage` that names the brokers when none answers or lets us in, another failure by what
    they answer.
    """
    brokers = ",".join(cluster.brokers)

    async def start() -> C:
        client = new_client()
        try:
            with kafka_failures(f"Kafka can not be used at {brokers}", cluster):
                await client.start()
        except BaseException:
            await client.stop()
            raise
        return client

    def report(failure: Failure, attempt: int, seconds: float) -> None:
        log.warning(
            "kafka unreachable",
            failure=failure.kind,
            reason=str(failure),
            attempt=attempt,
            next_in=seconds,
        )

    return await retry(start, START, on_retry=report)

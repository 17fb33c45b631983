"""A service's connection to Kafka: one codec, one publisher, and all that shares them.

```python
async with connected(settings, SERVICE) as connection:
    pool = EndpointPool("solana", endpoints, clock=monotonic, observer=connection.observer)
    consumer = await connection.consumer(
        SERVICE, handler, topics=(LEDGER,), retries=settings.retries(max_in_flight=64)
    )
    await consumer.run(process.stop)
```
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from mint_events.admin import ensure_delays, ensure_topics
from mint_events.bus import (
    Cluster,
    Consumer,
    Handler,
    PartitionHook,
    Publisher,
    Recovery,
    Wait,
)
from mint_events.codec import Codec
from mint_events.envelope import Envelope
from mint_events.registry import SchemaRegistry
from mint_events.topics import BREAKERS, Topic
from mint_runtime.breaker_changes import BreakerChanges
from mint_runtime.censor import Censor
from mint_runtime.dependencies import DependencyMetrics
from mint_runtime.retries import Retries
from mint_runtime.settings import ServiceSettings


@dataclass(frozen=True, slots=True)
class Connection:
    """What all that a service reads from and writes to Kafka has in common.

    `observer` is for every endpoint pool: what their breakers do is published, and it announces to
    `recovery` that a dependency has come back.
    """

    cluster: Cluster
    codec: Codec
    publisher: Publisher
    recovery: Recovery
    observer: DependencyMetrics

    async def consumer(
        self,
        group: str,
        handler: Handler,
        *,
        topics: Sequence[Topic],
        retries: Retries,
        delays: Sequence[Wait] = (),
        service: str | None = None,
        on_assigned: PartitionHook | None = None,
        on_revoked: PartitionHook | None = None,
    ) -> Consumer:
        """A consumer, as `mint_events.bus.Consumer` describes it, whose delay topics exist.

        Raises `Outage` when no broker answers, `Permanent` when a topic can not be made.
        """
        consumer = Consumer(
            self.cluster,
            topics=topics,
            group=group,
            handler=handler,
            publisher=self.publisher,
            codec=self.codec,
            delays=delays,
            parking=retries.parking,
            recovery=self.recovery,
            service=service,
            limits=retries.limits,
            on_assigned=on_assigned,
            on_revoked=on_revoked,
        )
        await ensure_delays(self.cluster, consumer.delay_topics, topics)
        return consumer


@asynccontextmanager
async def connected(settings: ServiceSettings, service: str) -> AsyncIterator[Connection]:
    """Connect to Kafka as the settings say. Raises `Outage` when no broker answers."""
    cluster, recovery = settings.cluster, Recovery()
    async with (
        codec_of(settings.schema_registry_url) as codec,
        Publisher(cluster, codec) as publisher,
        _breaker_changes(settings, service, publisher) as changes,
    ):
        observer = DependencyMetrics(recovery, changes)
        yield Connection(cluster, codec, publisher, recovery, observer)


@asynccontextmanager
async def _breaker_changes(
    settings: ServiceSettings, service: str, publisher: Publisher
) -> AsyncIterator[BreakerChanges]:
    """Where breakers tell what they do, on a topic that is made when there is something to tell."""
    there = False

    async def publish(change: Envelope) -> None:
        nonlocal there
        if not there:
            await ensure_topics(settings.cluster, [BREAKERS])
            there = True
        await publisher.publish(change)

    changes = BreakerChanges(
        service=service,
        instance=settings.service_instance,
        censor=Censor.of(settings),
        now=lambda: datetime.now(UTC),
    )
    async with changes.published(publish):
        yield changes


@asynccontextmanager
async def codec_of(registry_url: str | None) -> AsyncIterator[Codec]:
    """A codec, with a schema registry if there is one."""
    if registry_url is None:
        yield Codec()
        return
    registry = SchemaRegistry(registry_url)
    try:
        yield Codec(registry)
    finally:
        await registry.close()

"""A service's connection to Kafka: one codec, one publisher, and the consumers that share them.

```python
async with connected(settings) as connection:
    consumer = await connection.consumer(
        SERVICE, handler, topics=(LEDGER,), retries=settings.retries(max_in_flight=64)
    )
    await consumer.run(process.stop)
```
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from mint_events.admin import ensure_delays
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
from mint_events.registry import SchemaRegistry
from mint_events.topics import Topic
from mint_runtime.retries import Retries
from mint_runtime.settings import ServiceSettings


@dataclass(frozen=True, slots=True)
class Connection:
    """What all that a service reads from and writes to Kafka has in common.

    `recovery` is announced to by who sees a dependency come back (`DependencyMetrics`).
    """

    cluster: Cluster
    codec: Codec
    publisher: Publisher
    recovery: Recovery = field(default_factory=Recovery)

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
async def connected(settings: ServiceSettings) -> AsyncIterator[Connection]:
    """Connect to Kafka as the settings say. Raises `Outage` when no broker answers."""
    async with (
        codec_of(settings.schema_registry_url) as codec,
        Publisher(settings.cluster, codec) as publisher,
    ):
        yield Connection(settings.cluster, codec, publisher)


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

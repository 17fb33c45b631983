"""What happens from now on: events read from the topics' present ends, without a consumer group."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError

from mint_events.bus import Cluster
from mint_events.bus.history import decoded
from mint_events.codec import Codec
from mint_events.envelope import Envelope
from mint_events.topics import CHAIN, IPFS, LEDGER, VERIFICATION, Topic
from mint_resilience.failures import Outage, Poison
from trimint.failing import Exit, Failed

FOLLOWED = (LEDGER, IPFS, CHAIN, VERIFICATION)
_POLL_MS = 200


class Tail:
    """`async with Tail(cluster, codec) as tail:` marks the present end; `events()` goes on from it.

    A record that can not be decoded is somebody else's trouble and is passed over: the services
    put it on the dead-letter topic.
    """

    def __init__(self, cluster: Cluster, codec: Codec, topics: Sequence[Topic] = FOLLOWED) -> None:
        self._cluster = cluster
        self._codec = codec
        self._names = {cluster.prefixed(topic.name): topic.name for topic in topics}
        self._kafka = AIOKafkaConsumer(
            *self._names, **cluster.client_options(), auto_offset_reset="latest"
        )

    async def __aenter__(self) -> Tail:
        try:
            await self._require_topics()
            await self._kafka.start()
            await self._mark_the_ends()
        except BaseException:
            await self._kafka.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._kafka.stop()

    async def events(self) -> AsyncIterator[Envelope]:
        """Events as they come, for ever; those of one mint and topic in order."""
        while True:
            for envelope in await self._next():
                yield envelope

    async def _require_topics(self) -> None:
        """Ask for the topics first: subscribing to one that is missing takes most of a minute."""
        brokers = ",".join(self._cluster.brokers)
        asking = AIOKafkaConsumer(**self._cluster.client_options())
        try:
            await asking.start()
            missing = sorted(self._names.keys() - await asking.topics())
        except KafkaConnectionError as error:
            message = f"no Kafka broker answers at {brokers}: see TRIMINT_KAFKA_BROKERS"
            raise Outage(message) from error
        finally:
            await asking.stop()
        if missing:
            raise Failed(
                f"no topic {', '.join(missing)} at {brokers}: create it with `trimint topics`",
                Exit.UNREACHABLE,
            )

    async def _mark_the_ends(self) -> None:
        """Wait until the client knows where it is: what is published from now on is behind that."""
        for partition in self._kafka.assignment():
            await self._kafka.position(partition)

    async def _next(self) -> list[Envelope]:
        batches = await self._kafka.getmany(timeout_ms=_POLL_MS)
        records = [record for batch in batches.values() for record in batch]
        await self._codec.prepare(record.value for record in records)
        decoded = (self._decoded(record) for record in records)
        return [envelope for envelope in decoded if envelope is not None]

    def _decoded(self, record: Any) -> Envelope | None:
        try:
            return decoded(self._codec, self._names[record.topic], record).envelope
        except Poison:
            return None

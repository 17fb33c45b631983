"""What happens from now on: events read from the topics' present ends, without a consumer group."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError

from mint_events.bus import Cluster
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
        self._kafka = AIOKafkaConsumer(**cluster.client_options())

    async def __aenter__(self) -> Tail:
        try:
            await self._start()
            await self._go_to_the_ends()
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

    async def _start(self) -> None:
        try:
            await self._kafka.start()
        except KafkaConnectionError as error:
            brokers = ",".join(self._cluster.brokers)
            raise Outage(
                f"no Kafka broker answers at {brokers}: is it running? see TRIMINT_KAFKA_BROKERS"
            ) from error

    async def _go_to_the_ends(self) -> None:
        topics = await self._kafka.topics()
        missing = sorted(set(self._names) - topics)
        if missing:
            raise Failed(f"no topic {', '.join(missing)}: run `trimint topics`", Exit.UNREACHABLE)
        partitions = [
            TopicPartition(name, number)
            for name in self._names
            for number in self._kafka.partitions_for_topic(name) or ()
        ]
        self._kafka.assign(partitions)
        for partition, end in (await self._kafka.end_offsets(partitions)).items():
            self._kafka.seek(partition, end)

    async def _next(self) -> list[Envelope]:
        batches = await self._kafka.getmany(timeout_ms=_POLL_MS)
        records = [record for batch in batches.values() for record in batch]
        await self._codec.prepare(record.value for record in records)
        decoded = (self._decoded(record) for record in records)
        return [envelope for envelope in decoded if envelope is not None]

    def _decoded(self, record: Any) -> Envelope | None:
        try:
            received = self._codec.decode(
                self._names[record.topic],
                record.partition,
                record.offset,
                record.timestamp,
                record.key,
                record.value,
                record.headers,
            )
        except Poison:
            return None
        return received.envelope

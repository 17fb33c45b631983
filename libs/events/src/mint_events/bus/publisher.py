"""Publishing: what it returns from is on the brokers, once, and stays there."""

from __future__ import annotations

import asyncio
from types import TracebackType

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from mint_events.bus import metrics
from mint_events.bus.cluster import Cluster
from mint_events.bus.record import Position, Record
from mint_events.bus.starting import start_client
from mint_events.codec import Codec
from mint_events.envelope import Envelope
from mint_events.topics import MAX_RECORD_BYTES, Topic, topic_of
from mint_resilience.failures import Conflict, Failure, Permanent, Transient
from mint_resilience.kafka import classify_kafka_error

MAX_REQUEST_BYTES = MAX_RECORD_BYTES + 1024 * 1024
"""A dead letter holds a record of the largest size, and a little more."""

# Twice the throughput of aiokafka's defaults, for at most 5 ms more latency (measured).
_BATCH_BYTES = 128 * 1024
_LINGER_MS = 5
_CLOSE_SECONDS = 5.0

log = structlog.stdlib.get_logger(__name__)


class Publisher:
    """Publishes events and waits until all in-sync replicas have them.

    The brokers drop what the client sends twice (idempotent producer). A connection that is lost
    is made again; until then a call waits. `async with` starts and stops it.
    """

    def __init__(self, cluster: Cluster, codec: Codec) -> None:
        self._cluster = cluster
        self._codec = codec
        self._producer: AIOKafkaProducer | None = None
        self._replacing = asyncio.Lock()

    async def start(self) -> None:
        """Connect. Raises `Outage` when no broker answers for a while."""
        await self._codec.prepare()
        self._producer = await start_client(self._new_producer, self._cluster)

    async def stop(self) -> None:
        """Send what is buffered, then disconnect."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _close(producer)

    async def __aenter__(self) -> Publisher:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        await self.stop()

    async def publish(self, *envelopes: Envelope, topic: Topic | None = None) -> list[Position]:
        """Publish events in this order, on the topic that carries their type unless one is named.

        Returns when all are acknowledged. Raises `Permanent` for one that is too large, `Outage`
        when nobody takes it, `Transient` when it is unknown whether it was written, and others by
        what the brokers answer; publishing it again is harmless.
        """
        return await self.send(*(self.record(envelope, topic) for envelope in envelopes))

    async def tombstone(self, topic: Topic, key: str) -> Position:
        """Delete a key from a compacted topic; raises as `publish` does."""
        (position,) = await self.send(Record(topic=topic.name, key=key.encode(), value=None))
        return position

    def record(self, envelope: Envelope, topic: Topic | None = None) -> Record:
        """The record that `publish` would send."""
        encoded = self._codec.encode(envelope)
        name = (topic or topic_of(type(envelope.event))).name
        return Record(
            topic=name, key=encoded.key, value=encoded.value, headers=tuple(encoded.headers)
        )

    async def send(self, *records: Record) -> list[Position]:
        """Send encoded records in this order; returns and raises as `publish` does."""
        producer = await self._connected()
        try:
            pending = [await self._enqueue(producer, record) for record in records]
            acknowledged = await asyncio.gather(*pending)
        except KafkaError as error:
            await self._replace_if_broken(producer, error)
            raise self._failure(error, records) from error
        for record in records:
            metrics.PUBLISHED.labels(record.topic).inc()
        return [self._position(metadata) for metadata in acknowledged]

    def _new_producer(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            **self._cluster.client_options(),
            enable_idempotence=True,
            acks="all",
            compression_type="lz4",
            max_request_size=MAX_REQUEST_BYTES,
            max_batch_size=_BATCH_BYTES,
            linger_ms=_LINGER_MS,
        )

    async def _connected(self) -> AIOKafkaProducer:
        async with self._replacing:
            if self._producer is None:
                raise RuntimeError("the publisher is not started")
            return self._producer

    async def _enqueue(self, producer: AIOKafkaProducer, record: Record) -> asyncio.Future[object]:
        future: asyncio.Future[object] = await producer.send(
            self._cluster.prefixed(record.topic),
            key=record.key,
            value=record.value,
            headers=list(record.headers),
            partition=record.partition,
        )
        return future

    async def _replace_if_broken(self, broken: AIOKafkaProducer, error: KafkaError) -> None:
        """A producer that lost its sequence of numbers fails for ever: take a new one."""
        if error.retriable or isinstance(error, MessageSizeTooLargeError):
            return
        async with self._replacing:
            if self._producer is not broken:
                return
            log.warning("producer replaced", reason=repr(error))
            await _close(broken)
            self._producer = await start_client(self._new_producer, self._cluster)

    def _failure(self, error: KafkaError, records: tuple[Record, ...]) -> Failure:
        topics = ", ".join(sorted({record.topic for record in records}))
        if isinstance(error, MessageSizeTooLargeError):
            return Permanent(f"a record for {topics} is too large for Kafka: {error}")
        what = f"publishing to {topics} is not acknowledged, it may be there"
        failure = classify_kafka_error(error, what, endpoint=",".join(self._cluster.brokers))
        # A conflict is the producer's, not the record's: another producer has taken its place.
        return Transient(str(failure)) if isinstance(failure, Conflict) else failure

    def _position(self, metadata: object) -> Position:
        topic, partition, offset = metadata.topic, metadata.partition, metadata.offset  # type: ignore[attr-defined]  # aiokafka has no types
        return Position(topic=self._cluster.unprefixed(topic), partition=partition, offset=offset)


async def _close(producer: AIOKafkaProducer) -> None:
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await producer.stop()
    except (TimeoutError, KafkaError) as error:
        log.warning("producer did not close cleanly", reason=repr(error))

"""The consuming runtime: from a subscription to handled records and committed offsets.

- The records of a key are worked on in order, those of different keys in parallel (`lanes`).
- The offset that is committed is the one below which everything is done (`watermark`); a record is
  done when its outputs are acknowledged by the brokers, or it is a dead letter (`work`).
- A partition that is taken away first finishes what is in progress, for a bounded time, and lets go
  of the rest: nothing of it is committed afterwards.
- What can not go on stays in Kafka: partitions are paused, nothing is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError

from mint_events.bus import delay, metrics
from mint_events.bus.cluster import Cluster
from mint_events.bus.delay import Wait, delay_topic
from mint_events.bus.lanes import Lanes
from mint_events.bus.limits import Limits
from mint_events.bus.outcome import Handler
from mint_events.bus.partition import InFlight, Partition
from mint_events.bus.publisher import Publisher
from mint_events.bus.record import Consumed, Position
from mint_events.bus.starting import start_client
from mint_events.bus.work import RecordWork
from mint_events.codec import Codec
from mint_events.topics import Topic
from mint_resilience.backoff import wait

PartitionHook = Callable[[str, int], Awaitable[None]]
"""Called with a topic (without prefix) and a partition's number."""

SESSION_MS = 6_000
"""A process that died is noticed after this long; the least that brokers allow by default."""
HEARTBEAT_MS = 1_000
MAX_POLL_MS = 300_000
_POLL_MS = 500
# Full lanes are polled around this often all the same, or the group would take us for stuck.
_KEEP_ALIVE_SECONDS = 30.0
_COMMIT_TIMEOUT_SECONDS = 5.0

T = TypeVar("T")
log = structlog.stdlib.get_logger(__name__)


class Consumer:
    """Reads topics as a member of a group and lets `handler` work on every record at least once."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        topics: Sequence[Topic],
        group: str,
        handler: Handler,
        publisher: Publisher,
        codec: Codec,
        delays: Sequence[Wait] = (),
        limits: Limits = Limits(),  # noqa: B008 - immutable
        on_assigned: PartitionHook | None = None,
        on_revoked: PartitionHook | None = None,
    ) -> None:
        """Name what to consume; `group` is also the service's name on dead letters and delays.

        `on_assigned` is awaited before the first record of a partition is handled, and again until
        it succeeds; `on_revoked` after the last one.
        """
        self._cluster = cluster
        self._delay_topics = {delay_topic(group, wait).name for wait in delays}
        self._topics = [*(topic.name for topic in topics), *sorted(self._delay_topics)]
        self._group = group
        self._limits = limits
        self._on_assigned = on_assigned
        self._on_revoked = on_revoked
        self._lanes = Lanes(self._work_on, self._finish, limits)
        self._record_work = RecordWork(group, handler, publisher, codec, limits, self._lanes.pause)
        self._partitions: dict[TopicPartition, Partition] = {}
        self._held: set[str] = set()
        self._full = False
        self._joined = False
        self._committing = asyncio.Lock()
        self._kafka: AIOKafkaConsumer | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set, then finish what is in progress, commit and leave the group.

        Raises `Outage` when Kafka can not be reached at the start, and aiokafka's error when
        the group can not go on (e.g. not authorized).
        """
        self._kafka = await start_client(self._new_kafka_consumer, self._cluster)
        metrics.IN_FLIGHT_LIMIT.set(self._limits.max_in_flight)
        try:
            async with asyncio.TaskGroup() as tasks:
                committing = tasks.create_task(self._commit_from_time_to_time())
                await self._consume(stop)
                committing.cancel()
        finally:
            await self._let_go_of_all()
            await self._kafka.stop()
            self._joined = False

    def pause(self, topics: Iterable[Topic] | None = None) -> None:
        """Take no more records of these topics (of all: None); what is in progress goes on."""
        self._hold(self._names(topics), held=True)

    def resume(self, topics: Iterable[Topic] | None = None) -> None:
        """Go on with these topics (with all: None) where they were paused."""
        self._hold(self._names(topics), held=False)

    @property
    def in_flight(self) -> int:
        """Records that were read and are not done."""
        return self._lanes.in_flight

    async def readiness(self) -> str | None:
        """What `/readyz` asks: None when assigned and set up, else what is missing."""
        if self._kafka is None:
            return "not connected to Kafka"
        if missing := self._missing_topics():
            return f"no such topics: {', '.join(missing)}; create them with `trimint topics`"
        if not self._joined:
            return "not yet a member of the group"
        waiting = [part for part in self._partitions.values() if not part.ready]
        reasons = [f"{part}: {part.setup_failure or 'being set up'}" for part in waiting]
        return "; ".join(reasons) or None

    # What Kafka says of the assignment

    def _new_kafka_consumer(self) -> AIOKafkaConsumer:
        kafka = AIOKafkaConsumer(
            **self._cluster.client_options(),
            group_id=self._cluster.prefixed(self._group),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            # the same numbers of all topics to the same member, so that a key's records meet there
            partition_assignment_strategy=(RangePartitionAssignor,),
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            max_poll_interval_ms=MAX_POLL_MS,
            rebalance_timeout_ms=int(self._limits.drain_seconds * 1000) + 2 * SESSION_MS,
        )
        names = [self._cluster.prefixed(name) for name in self._topics]
        kafka.subscribe(names, listener=_Listener(self._assign, self._let_go_of_all))
        return kafka

    def _missing_topics(self) -> list[str]:
        known = self._client.partitions_for_topic
        return [name for name in self._topics if not known(self._cluster.prefixed(name))]

    def _assign(self, assigned: Iterable[TopicPartition]) -> None:
        for tp in assigned:
            partition = Partition(topic=self._cluster.unprefixed(tp.topic), number=tp.partition)
            self._partitions[tp] = partition
            partition.setup = asyncio.create_task(self._set_up(partition))
        self._joined = True
        self._steer()
        log.info("assigned", partitions=sorted(map(str, self._partitions.values())))

    async def _set_up(self, partition: Partition) -> None:
        attempt = 0
        while self._on_assigned is not None:
            attempt += 1
            try:
                await self._on_assigned(partition.topic, partition.number)
                break
            except Exception as error:
                partition.setup_failure = f"{type(error).__name__}: {error}"
                log.exception("partition not set up", partition=str(partition))
            seconds = wait(attempt, self._limits.retry_base, lambda: 0.0)
            await asyncio.sleep(min(seconds, self._limits.retry_ceiling))
        partition.ready = True
        self._steer()

    async def _let_go_of_all(self) -> None:
        """Finish or let go what is in progress, commit what is done, forget the assignment."""
        for partition in self._partitions.values():
            partition.close()
        await self._lanes.drain(self._limits.drain_seconds)
        await self._commit()
        gone, self._partitions = self._partitions, {}
        for partition in gone.values():
            if self._on_revoked is not None:
                await self._on_revoked(partition.topic, partition.number)

    # Reading

    async def _consume(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await _unless(stop, self._room())
            records = await _unless(stop, self._poll())
            for tp, batch in (records or {}).items():
                self._take(tp, batch)
            self._lanes.raise_if_crashed()

    async def _room(self) -> None:
        try:
            await asyncio.wait_for(self._lanes.room(), _KEEP_ALIVE_SECONDS)
        except TimeoutError:
            log.warning("no room for more records", in_flight=self._lanes.in_flight)

    async def _poll(self) -> dict[TopicPartition, list[Any]]:
        self._full = not self._lanes.free
        self._steer()
        records: dict[TopicPartition, list[Any]] = await self._fetch()
        if self._full:
            self._full = False
            self._steer()
        return records

    async def _fetch(self) -> dict[TopicPartition, list[Any]]:
        timeout_ms = 0 if self._full else _POLL_MS
        try:
            records: dict[TopicPartition, list[Any]] = await self._client.getmany(
                timeout_ms=timeout_ms, max_records=max(1, self._lanes.free)
            )
        except KafkaError as error:
            if not error.retriable:
                raise
            log.warning("poll failed", reason=repr(error))
            await asyncio.sleep(_POLL_MS / 1000)
            return {}
        return records

    def _take(self, tp: TopicPartition, batch: list[Any]) -> None:
        partition = self._partitions.get(tp)
        if partition is None or not partition.ready:
            self._put_back(tp, batch[0].offset)
            return
        for raw in batch:
            record = self._consumed(partition, raw)
            if partition.topic in self._delay_topics and self._snooze(tp, partition, record):
                return
            partition.watermark.take(raw.offset)
            self._lanes.submit(record.lane, InFlight(record, partition))

    def _consumed(self, partition: Partition, raw: Any) -> Consumed:
        return Consumed(
            position=Position(topic=partition.topic, partition=partition.number, offset=raw.offset),
            timestamp_ms=raw.timestamp,
            key=raw.key,
            value=raw.value,
            headers=tuple((name, value or b"") for name, value in raw.headers),
        )

    def _snooze(self, tp: TopicPartition, partition: Partition, record: Consumed) -> bool:
        """When the record is not due yet, leave it and what is behind it in Kafka until it is."""
        due = delay.due(record)
        seconds = 0.0 if due is None else (due - datetime.now(UTC)).total_seconds()
        if seconds <= 0:
            return False
        loop = asyncio.get_running_loop()
        partition.snoozing = loop.call_later(seconds, self._wake, partition)
        self._put_back(tp, record.position.offset)
        return True

    def _wake(self, partition: Partition) -> None:
        partition.snoozing = None
        self._steer()

    def _put_back(self, tp: TopicPartition, offset: int) -> None:
        if tp in self._client.assignment():
            self._client.seek(tp, offset)
        self._steer()

    # Pausing

    def _names(self, topics: Iterable[Topic] | None) -> set[str]:
        return set(self._topics) if topics is None else {topic.name for topic in topics}

    def _hold(self, names: set[str], *, held: bool) -> None:
        self._held = self._held | names if held else self._held - names
        for name in names:
            metrics.HELD.labels(name).set(held)
        self._steer()

    def _steer(self) -> None:
        """Pause and resume partitions in the client as their state wants it."""
        if self._kafka is None:
            return
        assigned = {
            tp: part for tp, part in self._partitions.items() if tp in self._kafka.assignment()
        }
        wanted = {tp for tp, part in assigned.items() if self._is_paused(part)}
        paused = self._kafka.paused()
        self._kafka.pause(*(wanted - paused))
        self._kafka.resume(*((paused & assigned.keys()) - wanted))

    def _is_paused(self, partition: Partition) -> bool:
        waiting = not partition.ready or partition.snoozing is not None
        return self._full or waiting or partition.topic in self._held

    # Working and committing

    async def _work_on(self, item: InFlight) -> None:
        await self._record_work(item.record)

    def _finish(self, item: InFlight) -> None:
        item.partition.watermark.finish(item.record.position.offset)

    async def _commit_from_time_to_time(self) -> None:
        while True:
            await asyncio.sleep(self._limits.commit_seconds)
            await self._commit()
            self._measure()

    async def _commit(self) -> None:
        """Commit what is done; when that fails it is tried later, or the records come again."""
        async with self._committing:
            parts = self._partitions.items()
            offsets = {tp: part.to_commit for tp, part in parts if part.to_commit is not None}
            if not offsets:
                return
            try:
                await asyncio.wait_for(self._client.commit(offsets), _COMMIT_TIMEOUT_SECONDS)
            except (KafkaError, TimeoutError) as error:
                log.warning("offsets not committed", reason=repr(error))
                return
            for tp, part in self._partitions.items():
                part.committed = offsets.get(tp, part.committed)

    def _measure(self) -> None:
        metrics.IN_FLIGHT.set(self._lanes.in_flight)
        metrics.IN_FLIGHT_BYTES.set(self._lanes.bytes_in_flight)
        for tp, part in self._partitions.items():
            highwater = self._client.highwater(tp)
            done = part.watermark.committable
            if highwater is not None and done is not None:
                metrics.LAG.labels(part.topic, part.number).set(highwater - done)

    @property
    def _client(self) -> AIOKafkaConsumer:
        if self._kafka is None:
            raise RuntimeError("the consumer is not running")
        return self._kafka


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Hands the group's decisions on; the group waits for the end of `revoked`."""

    def __init__(
        self,
        assigned: Callable[[Iterable[TopicPartition]], None],
        revoked: Callable[[], Awaitable[None]],
    ) -> None:
        self._assigned = assigned
        self._revoked = revoked

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Aiokafka's protocol is the eager one: all partitions are taken away at once."""
        del revoked
        await self._revoked()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._assigned(assigned)


async def _unless(stop: asyncio.Event, action: Awaitable[T]) -> T | None:
    """Await the action, but give it up and return None as soon as `stop` is set."""
    acting = asyncio.ensure_future(action)
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({acting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return acting.result() if acting.done() else None
    finally:
        stopping.cancel()
        acting.cancel()

"""The consuming runtime: from a subscription to handled records and committed offsets.

- The records of a key are worked on in order, those of different keys in parallel (`lanes`).
- The offset that is committed is the one below which everything is done (`watermark`); a record is
  done when its outputs are acknowledged by the brokers, or it is a dead letter (`work`).
- A partition that is taken away first finishes what is in progress, for a bounded time, and lets go
  of the rest: nothing of it is committed afterwards.
- What can not go on stays in Kafka: partitions are paused, nothing is dropped (`assignment`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError

from mint_events.bus import delay, metrics
from mint_events.bus.assignment import Assignment, PartitionHook
from mint_events.bus.cluster import Cluster
from mint_events.bus.commits import Commits
from mint_events.bus.delay import Wait, delay_topic
from mint_events.bus.gauges import measure
from mint_events.bus.lanes import Lanes
from mint_events.bus.limits import Limits
from mint_events.bus.listener import RebalanceListener
from mint_events.bus.outcome import Handler
from mint_events.bus.partition import InFlight, Partition
from mint_events.bus.publisher import Publisher
from mint_events.bus.record import Consumed, Position
from mint_events.bus.starting import start_client
from mint_events.bus.work import RecordWork
from mint_events.codec import Codec
from mint_events.topics import Topic

SESSION_MS = 6_000
"""A process that died is noticed after this long; the least that brokers allow by default."""
HEARTBEAT_MS = 1_000
MAX_POLL_MS = 300_000
_POLL_MS = 500
# Full lanes are polled around this often all the same, or the group would take us for stuck.
_KEEP_ALIVE_SECONDS = 30.0
_LEAVE_SECONDS = 5.0

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
        self._delay_topics = frozenset(delay_topic(group, wait).name for wait in delays)
        self._topics = [*(topic.name for topic in topics), *sorted(self._delay_topics)]
        self._group = group
        self._limits = limits
        self._hooks = (on_assigned, on_revoked)
        self._lanes = Lanes(self._work_on, _finish, limits)
        self._record_work = RecordWork(group, handler, publisher, codec, limits, self._lanes.pause)
        self._held: set[str] = set()
        self._assignment: Assignment | None = None
        self._known: Callable[[str], object] = lambda _: None

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set, then finish what is in progress, commit and leave the group.

        Raises `Outage` when Kafka can not be reached at the start, and aiokafka's error when
        the group can not go on (e.g. not authorized).
        """
        client = await _unless(stop, start_client(self._new_client, self._cluster))
        if client is None:
            return
        metrics.IN_FLIGHT_LIMIT.set(self._limits.max_in_flight)
        try:
            await self._consume(client, stop)
        finally:
            self._assignment = None
            await _leave(client)

    def pause(self, topics: Iterable[Topic] | None = None) -> None:
        """Take no more records of these topics (of all: None); what is in progress goes on."""
        self._hold(topics, held=True)

    def resume(self, topics: Iterable[Topic] | None = None) -> None:
        """Go on with these topics (with all: None) where they were paused."""
        self._hold(topics, held=False)

    @property
    def in_flight(self) -> int:
        """Records that were read and are not done."""
        return self._lanes.in_flight

    async def readiness(self) -> str | None:
        """What `/readyz` asks: None when assigned and set up, else what is missing."""
        if self._assignment is None:
            return "not connected to Kafka"
        missing = [name for name in self._topics if not self._known(self._cluster.prefixed(name))]
        if missing:
            return f"no such topics: {', '.join(missing)}; create them with `trimint topics`"
        if not self._assignment.joined:
            return "not yet a member of the group"
        return "; ".join(self._assignment.unready()) or None

    def _new_client(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
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

    async def _consume(self, client: AIOKafkaConsumer, stop: asyncio.Event) -> None:
        assignment = Assignment(client, self._cluster, self._limits, self._held, *self._hooks)
        commits = Commits(client, assignment)

        async def let_go() -> None:
            """Finish or let go what is in progress, commit what is done, give the rest up."""
            assignment.close()
            await self._lanes.drain(self._limits.drain_seconds)
            await commits.commit()
            await assignment.forget()

        self._assignment, self._known = assignment, client.partitions_for_topic
        names = [self._cluster.prefixed(name) for name in self._topics]
        client.subscribe(names, listener=RebalanceListener(assignment.assign, let_go))
        try:
            await self._read_and_commit(client, assignment, commits, stop)
        finally:
            await let_go()

    async def _read_and_commit(
        self,
        client: AIOKafkaConsumer,
        assignment: Assignment,
        commits: Commits,
        stop: asyncio.Event,
    ) -> None:
        ended = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_books(client, assignment, commits, ended))
            try:
                await self._read(client, assignment, stop)
            finally:
                ended.set()

    async def _keep_books(
        self,
        client: AIOKafkaConsumer,
        assignment: Assignment,
        commits: Commits,
        ended: asyncio.Event,
    ) -> None:
        """Commit and measure from time to time; ends by the event, for a commit in Python 3.11 may
        swallow its cancellation (asyncio.wait_for inside aiokafka)."""
        while not ended.is_set():
            await _unless(ended, asyncio.sleep(self._limits.commit_seconds))
            await commits.commit()
            measure(client, assignment, self._lanes)

    async def _read(
        self, client: AIOKafkaConsumer, assignment: Assignment, stop: asyncio.Event
    ) -> None:
        while not stop.is_set():
            await _unless(stop, self._room())
            assignment.fill(full=not self._lanes.free)
            records = await _unless(stop, self._poll(client))
            for tp, batch in (records or {}).items():
                self._take(assignment, tp, batch)
            self._lanes.raise_if_crashed()

    async def _room(self) -> None:
        try:
            async with asyncio.timeout(_KEEP_ALIVE_SECONDS):
                await self._lanes.room()
        except TimeoutError:
            log.warning("no room for more records", in_flight=self._lanes.in_flight)

    async def _poll(self, client: AIOKafkaConsumer) -> dict[TopicPartition, list[Any]]:
        free = self._lanes.free
        try:
            records: dict[TopicPartition, list[Any]] = await client.getmany(
                timeout_ms=_POLL_MS if free else 0, max_records=max(1, free)
            )
        except KafkaError as error:
            if not error.retriable:
                raise
            log.warning("poll failed", reason=repr(error))
            await asyncio.sleep(_POLL_MS / 1000)
            return {}
        return records

    def _take(self, assignment: Assignment, tp: TopicPartition, batch: list[Any]) -> None:
        partition = assignment.partitions.get(tp)
        if partition is None or partition.waits:
            assignment.put_back(tp, batch[0].offset)
            return
        for raw in batch:
            record = _consumed(partition, raw)
            if seconds := self._seconds_until_due(record):
                assignment.snooze(partition, seconds)
                assignment.put_back(tp, raw.offset)
                return
            partition.watermark.take(raw.offset)
            self._lanes.submit(record.lane, InFlight(record, partition))

    def _seconds_until_due(self, record: Consumed) -> float:
        due = delay.due(record) if record.position.topic in self._delay_topics else None
        return 0.0 if due is None else max(0.0, (due - datetime.now(UTC)).total_seconds())

    def _hold(self, topics: Iterable[Topic] | None, *, held: bool) -> None:
        names = set(self._topics) if topics is None else {topic.name for topic in topics}
        if held:
            self._held.update(names)
        else:
            self._held.difference_update(names)
        for name in names:
            metrics.HELD.labels(name).set(held)
        if self._assignment is not None:
            self._assignment.steer()

    async def _work_on(self, item: InFlight) -> None:
        await self._record_work(item.record)


async def _leave(client: AIOKafkaConsumer) -> None:
    """Leave the group; in the middle of a rebalance that could take as long as the slowest."""
    try:
        async with asyncio.timeout(_LEAVE_SECONDS):
            await client.stop()
    except TimeoutError:
        log.warning("did not leave the group in time: it notices by itself")


def _finish(item: InFlight) -> None:
    item.partition.watermark.finish(item.record.position.offset)


def _consumed(partition: Partition, raw: Any) -> Consumed:
    return Consumed(
        position=Position(topic=partition.topic, partition=partition.number, offset=raw.offset),
        timestamp_ms=raw.timestamp,
        key=raw.key,
        value=raw.value,
        headers=tuple((name, value) for name, value in raw.headers if value is not None),
    )


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

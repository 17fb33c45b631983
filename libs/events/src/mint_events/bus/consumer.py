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
from collections.abc import Callable, Iterable, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from mint_events.bus import metrics
from mint_events.bus.assignment import Assignment, PartitionHook
from mint_events.bus.backlog import read_backlog
from mint_events.bus.cluster import Cluster
from mint_events.bus.commits import Commits
from mint_events.bus.delay import Wait, delay_topic
from mint_events.bus.depth import Depth
from mint_events.bus.gauges import Gauges
from mint_events.bus.lanes import Lanes
from mint_events.bus.limits import Limits
from mint_events.bus.listener import RebalanceListener
from mint_events.bus.membership import new_member
from mint_events.bus.outcome import Handler
from mint_events.bus.parking import Parking
from mint_events.bus.partition import InFlight
from mint_events.bus.publisher import Publisher
from mint_events.bus.reader import disconnect
from mint_events.bus.reading import Reading
from mint_events.bus.recovery import Recovery
from mint_events.bus.starting import start_client
from mint_events.bus.stopping import unless
from mint_events.bus.trying import Trying
from mint_events.bus.work import RecordWork
from mint_events.codec import Codec
from mint_events.topics import Topic


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
        parking: Sequence[Wait] = (),
        recovery: Recovery | None = None,
        service: str | None = None,
        limits: Limits = Limits(),  # noqa: B008 - immutable
        on_assigned: PartitionHook | None = None,
        on_revoked: PartitionHook | None = None,
    ) -> None:
        """Name what to consume; `service`, by default the group, is whose delays and dead letters
        they are.

        `delays` are the waits that the handler delays by. `parking` are those, ascending, that a
        record waits for whose retries are used up (none: it is tried on without end); after the
        last one it is a dead letter. The topics of both are `delay_topics`; see that they exist
        (`mint_events.admin.ensure_delays`). `recovery` announces that dependencies are there again.
        `on_assigned` is awaited before the first record of a partition is handled, and again until
        it succeeds; `on_revoked` after the last one.
        """
        self._cluster = cluster
        self._parking = Parking(group, parking)
        own = dict.fromkeys(delay_topic(service or group, wait) for wait in delays)
        self.delay_topics = tuple(own | dict.fromkeys(self._parking.topics))
        self._delays = frozenset(topic.name for topic in self.delay_topics)
        self._topics = [*(topic.name for topic in topics), *sorted(self._delays)]
        self._group = group
        self._limits = limits
        self._hooks = (on_assigned, on_revoked)
        self._lanes = Lanes(self._work_on, _finish, limits)
        trying = Trying(limits, self._lanes.pause, recovery or Recovery())
        self._record_work = RecordWork(
            service or group, handler, publisher, codec, trying, self._parking
        )
        self._gauges = Gauges(group, self._lanes, self._parking, limits, self._delays)
        self._held: set[str] = set()
        self._assignment: Assignment | None = None
        self._known: Callable[[str], object] = lambda _: None

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set, then finish what is in progress, commit and leave the group.

        Raises `Outage` when Kafka can not be reached at the start, and a failure by its class when
        the group can not go on (e.g. not authorized).
        """
        member = await unless(stop, start_client(self._new_member, self._cluster))
        if member is None:
            return
        try:
            await self._consume(member, stop)
        finally:
            self._assignment = None
            await disconnect(member)

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

    def _new_member(self) -> AIOKafkaConsumer:
        return new_member(self._cluster, self._group, self._limits)

    async def _consume(self, member: AIOKafkaConsumer, stop: asyncio.Event) -> None:
        async def load_parked(assigned: list[TopicPartition]) -> None:
            names = {self._cluster.prefixed(topic.name) for topic in self._parking.topics}
            partitions = [tp for tp in assigned if tp.topic in names]
            for parked in await read_backlog(member, self._cluster, partitions):
                self._parking.add(parked)

        assignment = Assignment(
            member,
            self._cluster,
            self._limits,
            self._held,
            self._delays,
            load_parked,
            *self._hooks,
        )
        commits = Commits(member, assignment, self._parking)

        async def let_go() -> None:
            """Finish or let go what is in progress, commit what is done, give the rest up."""
            assignment.close()
            await self._lanes.drain(self._limits.drain_seconds)
            await commits.commit()
            self._gauges.forget(assignment.partitions.values())
            await assignment.forget()
            self._parking.forget()

        self._assignment, self._known = assignment, member.partitions_for_topic
        names = [self._cluster.prefixed(name) for name in self._topics]
        member.subscribe(names, listener=RebalanceListener(assignment.assign, let_go))
        try:
            await self._read_and_commit(member, assignment, commits, stop)
        finally:
            await let_go()

    async def _read_and_commit(
        self,
        member: AIOKafkaConsumer,
        assignment: Assignment,
        commits: Commits,
        stop: asyncio.Event,
    ) -> None:
        ended = asyncio.Event()
        depth = Depth(member, self._cluster, assignment, self._delays)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_books(member, assignment, commits, ended))
            tasks.create_task(depth.watch(ended, self._limits.depth_seconds))
            try:
                await Reading(member, assignment, self._lanes, self._delays).run(stop)
            finally:
                ended.set()

    async def _keep_books(
        self,
        member: AIOKafkaConsumer,
        assignment: Assignment,
        commits: Commits,
        ended: asyncio.Event,
    ) -> None:
        """Commit and measure from time to time; ends by the event, for a commit in Python 3.11 may
        swallow its cancellation (asyncio.wait_for inside aiokafka)."""
        while not ended.is_set():
            await unless(ended, asyncio.sleep(self._limits.commit_seconds))
            await commits.commit()
            self._gauges.measure(member, assignment)

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


def _finish(item: InFlight) -> None:
    item.partition.watermark.finish(item.record.position.offset)

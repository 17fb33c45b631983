"""The partitions that the group gave us: set up before use, and paused whenever they have to wait.

What waits, waits in Kafka: a paused partition is not read, and one that was read too early goes
back to where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Container, Iterable, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from mint_events.bus.cluster import Cluster
from mint_events.bus.limits import Limits
from mint_events.bus.partition import Partition
from mint_resilience.backoff import wait

PartitionHook = Callable[[str, int], Awaitable[None]]
"""Called with a topic (without prefix) and a partition's number."""

Preparation = Callable[[list[TopicPartition]], Awaitable[None]]
"""Called with all partitions that were given at once, before any of them is read."""

log = structlog.stdlib.get_logger(__name__)


class Assignment:
    """The partitions of one connection to Kafka.

    `held` are the names of the topics that are paused by request; it is read, never written.
    """

    def __init__(
        self,
        client: AIOKafkaConsumer,
        cluster: Cluster,
        limits: Limits,
        held: set[str],
        delays: Container[str],
        prepare: Preparation,
        on_assigned: PartitionHook | None,
        on_revoked: PartitionHook | None,
    ) -> None:
        """`delays` are the topics that only records of the others come to: no hook is called for
        them, and they are read after the partitions of the same number are set up.
        """
        self.partitions: dict[TopicPartition, Partition] = {}
        self.joined = False
        self._client = client
        self._cluster = cluster
        self._limits = limits
        self._held = held
        self.full = False
        self._delays = delays
        self._prepare = prepare
        self._preparing: asyncio.Task[None] | None = None
        self._on_assigned = on_assigned
        self._on_revoked = on_revoked

    def assign(self, assigned: Iterable[TopicPartition]) -> None:
        """Take partitions over; none is read before it is set up."""
        self.partitions = {
            tp: Partition(topic=self._cluster.unprefixed(tp.topic), number=tp.partition)
            for tp in assigned
        }
        self._preparing = asyncio.create_task(self._be_prepared())
        for partition in self.partitions.values():
            partition.setup = asyncio.create_task(self._set_up(partition))
        self.joined = True
        self.steer()
        log.info("assigned", partitions=sorted(map(str, self.partitions.values())))

    def close(self) -> None:
        """Stop setting up and waking; the partitions stay until `forget`."""
        if self._preparing is not None:
            self._preparing.cancel()
        for partition in self.partitions.values():
            partition.close()

    async def forget(self) -> None:
        """Give all partitions up, and say so to the hook."""
        self.joined = False
        gone, self.partitions = self.partitions, {}
        for partition in gone.values():
            if self._on_revoked is not None and partition.topic not in self._delays:
                await self._on_revoked(partition.topic, partition.number)

    def unready(self) -> list[str]:
        """A line for each partition that is not set up yet."""
        waiting = (part for part in self.partitions.values() if not part.ready)
        return [f"{part}: {part.setup_failure or 'being set up'}" for part in waiting]

    def snooze(self, partition: Partition, seconds: float) -> None:
        """Do not read the partition for so long."""
        loop = asyncio.get_running_loop()
        partition.snoozing = loop.call_later(seconds, self._wake, partition)

    def put_back(self, tp: TopicPartition, offset: int) -> None:
        """Read the partition from this offset on, as soon as it is not paused."""
        if tp in self._client.assignment():
            self._client.seek(tp, offset)
        self.steer()

    def fill(self, *, full: bool) -> None:
        """Say whether there is room for more records of any partition."""
        if full != self.full:
            self.full = full
            log.info("consumption paused: no room" if full else "consumption goes on")
            self.steer()

    def steer(self) -> None:
        """Pause and resume partitions in the client as their state wants it."""
        ours = self._client.assignment() & self.partitions.keys()
        wanted = {tp for tp in ours if self._is_paused(self.partitions[tp])}
        paused = self._client.paused() & ours
        self._client.pause(*(wanted - paused))
        self._client.resume(*(paused - wanted))

    def _is_paused(self, partition: Partition) -> bool:
        return self.full or partition.waits or partition.topic in self._held

    def _wake(self, partition: Partition) -> None:
        partition.snoozing = None
        self.steer()

    async def _be_prepared(self) -> None:
        await self._until_succeeded(
            lambda: self._prepare(list(self.partitions)), tuple(self.partitions.values())
        )

    async def _set_up(self, partition: Partition) -> None:
        await _ended(self._preparing)
        if partition.topic in self._delays:
            for other in self._same_number(partition):
                await _ended(other.setup)
        elif (hook := self._on_assigned) is not None:
            await self._until_succeeded(
                lambda: hook(partition.topic, partition.number), (partition,)
            )
        partition.ready = True
        self.steer()

    def _same_number(self, partition: Partition) -> list[Partition]:
        """The partitions that a delayed record of this one may have come from."""
        return [
            other
            for other in self.partitions.values()
            if other.number == partition.number and other.topic not in self._delays
        ]

    async def _until_succeeded(
        self, step: Callable[[], Awaitable[None]], affected: Sequence[Partition]
    ) -> None:
        attempt = 1
        while not await self._succeeds(step, affected):
            seconds = wait(attempt, self._limits.retry_base, lambda: 0.0)
            await asyncio.sleep(min(seconds, self._limits.retry_ceiling))
            attempt += 1

    async def _succeeds(
        self, step: Callable[[], Awaitable[None]], affected: Sequence[Partition]
    ) -> bool:
        try:
            await step()
        except Exception as error:
            for partition in affected:
                partition.setup_failure = f"{type(error).__name__}: {error}"
            log.exception("partitions not set up", partitions=[str(part) for part in affected])
            return False
        return True


async def _ended(task: asyncio.Task[None] | None) -> None:
    """Wait for the task's end; to be cancelled meanwhile leaves it alone."""
    if task is not None:
        await asyncio.shield(task)

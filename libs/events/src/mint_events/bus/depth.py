"""How much of what we were given waits in Kafka, and since when, as the brokers say.

A client is told where a partition ends only with what it fetches, and of a paused one it fetches
nothing: so they are asked, from time to time. The record that is the next to be read is read once,
beside the group, for the time that it bears.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Mapping
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from mint_events.bus.assignment import Assignment
from mint_events.bus.cluster import Cluster
from mint_events.bus.delay import due
from mint_events.bus.failing import kafka_failures
from mint_events.bus.history import Stretches, read
from mint_events.bus.partition import Head, Partition
from mint_events.bus.reader import connected_reader
from mint_events.bus.record import Consumed
from mint_events.bus.stopping import unless
from mint_resilience.failures import Failure

# A broker sends one whole batch anyway (KIP-74), and we need no more.
_SMALL_FETCHES: Mapping[str, Any] = {
    "auto_offset_reset": "earliest",
    "fetch_max_bytes": 1,
    "max_partition_fetch_bytes": 1,
}

Assigned = Mapping[TopicPartition, Partition]

log = structlog.stdlib.get_logger(__name__)


class Depth:
    """Asks about the partitions that are assigned to `member`, and writes into them what it hears.

    `delays` are the topics whose records wait on purpose until they are due.
    """

    def __init__(
        self,
        member: AIOKafkaConsumer,
        cluster: Cluster,
        assignment: Assignment,
        delays: Container[str],
    ) -> None:
        self._member = member
        self._cluster = cluster
        self._assignment = assignment
        self._delays = delays

    async def watch(self, ended: asyncio.Event, seconds: float) -> None:
        """Look every so many seconds until `ended` is set; what brokers do not say stays as it was.

        It ends by the event as the commits do: aiokafka may swallow a cancellation.
        """
        while not ended.is_set():
            try:
                await unless(ended, self.look())
            except Failure as failure:
                log.warning("depth not known", failure=failure.kind, reason=str(failure))
            await unless(ended, asyncio.sleep(seconds))

    async def look(self) -> None:
        """Ask anew. Raises `Outage` when the brokers do not answer, else by what they answer."""
        partitions = dict(self._assignment.partitions)
        if not partitions:
            return
        with kafka_failures("how much waits is not known", self._cluster):
            await self._learn_ends(partitions)
            await self._learn_begins(partitions)
        await self._learn_heads(partitions)

    async def _learn_ends(self, partitions: Assigned) -> None:
        ends = await self._member.end_offsets(list(partitions))
        for tp, end in ends.items():
            partitions[tp].end = end

    async def _learn_begins(self, partitions: Assigned) -> None:
        """Where the group goes on, of those of which nothing was read yet."""
        unknown = {tp: part for tp, part in partitions.items() if part.first_open is None}
        if not unknown:
            return
        kept = await self._member.beginning_offsets(list(unknown))
        for tp, partition in unknown.items():
            partition.begin = max(await self._member.committed(tp) or 0, kept[tp])

    async def _learn_heads(self, partitions: Assigned) -> None:
        wanted = {tp: next_ for tp, part in partitions.items() if (next_ := _unknown_head(part))}
        if not wanted:
            return
        for tp, raw in (await self._first_records(wanted)).items():
            partition = partitions[tp]
            record = partition.consumed(raw)
            partition.head = Head(wanted[tp].start, since(record, self._delays))

    async def _first_records(self, wanted: Stretches) -> dict[TopicPartition, object]:
        found: dict[TopicPartition, object] = {}
        async with connected_reader(self._cluster, "what waits", **_SMALL_FETCHES) as reader:
            async for raw in read(reader, wanted):
                found.setdefault(TopicPartition(raw.topic, raw.partition), raw)
        return found


def since(record: Consumed, delays: Container[str]) -> float:
    """The time (seconds since 1970) from which the record waits: written, or due if it is later."""
    written = record.timestamp_ms / 1000
    later = due(record) if record.position.topic in delays else None
    return written if later is None else max(written, later.timestamp())


def _unknown_head(partition: Partition) -> range | None:
    """The place of the first record that is not done, if it was neither read nor looked at."""
    place = partition.unread
    if place is None or partition.first_open != place.start:
        return None  # nothing waits, or older records of it are in flight
    known = partition.head is not None and partition.head.offset == place.start
    return None if known else range(place.start, place.start + 1)

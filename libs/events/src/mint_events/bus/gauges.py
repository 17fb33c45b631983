"""Brings the gauges of the consuming runtime up to date."""

from __future__ import annotations

import time
from collections.abc import Collection, Container, Iterator
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer

from mint_events.bus import metrics
from mint_events.bus.assignment import Assignment
from mint_events.bus.depth import since
from mint_events.bus.lanes import Lanes
from mint_events.bus.limits import Limits
from mint_events.bus.parking import Parking
from mint_events.bus.partition import InFlight, Partition


@dataclass(frozen=True, slots=True)
class Gauges:
    """The gauges of one consumer; a process may have several."""

    group: str
    lanes: Lanes[InFlight]
    parking: Parking
    limits: Limits
    delays: Container[str]

    def measure(self, member: AIOKafkaConsumer, assignment: Assignment) -> None:
        """Set depth, capacity, age and lag as they are now."""
        metrics.PARKED.labels(self.group).set(len(self.parking))
        metrics.IN_FLIGHT.labels(self.group).set(self.lanes.in_flight)
        metrics.IN_FLIGHT_BYTES.labels(self.group).set(self.lanes.bytes_in_flight)
        metrics.IN_FLIGHT_LIMIT.labels(self.group).set(self.limits.max_in_flight)
        metrics.IN_FLIGHT_BYTES_LIMIT.labels(self.group).set(self.limits.max_in_flight_bytes)
        metrics.FULL.labels(self.group).set(assignment.full)
        self._measure_lag(member, assignment)
        self._measure_age(assignment.partitions.values(), time.time())

    def forget(self, partitions: Collection[Partition]) -> None:
        """These are somebody else's: who has them says how they are."""
        for partition in partitions:
            metrics.LAG.remove(self.group, partition.topic, str(partition.number))
        for topic in {partition.topic for partition in partitions}:
            metrics.OLDEST_OPEN.remove(self.group, topic)

    def _measure_lag(self, member: AIOKafkaConsumer, assignment: Assignment) -> None:
        assigned = member.assignment()
        for tp, partition in assignment.partitions.items():
            lag = partition.lag(member.highwater(tp) if tp in assigned else None)
            if lag is not None:
                metrics.LAG.labels(self.group, partition.topic, partition.number).set(lag)

    def _measure_age(self, partitions: Collection[Partition], now: float) -> None:
        in_flight = list(self._in_flight())
        oldest = min((waits for _, waits in in_flight), default=now)
        metrics.OLDEST_SECONDS.labels(self.group).set(max(0.0, now - oldest))
        open_ = [*in_flight, *_unread(partitions)]
        for topic in {partition.topic for partition in partitions}:
            first = min((waits for of, waits in open_ if of == topic), default=now)
            metrics.OLDEST_OPEN.labels(self.group, topic).set(max(0.0, now - first))

    def _in_flight(self) -> Iterator[tuple[str, float]]:
        """Of each record in flight its topic, and since when it waits."""
        for item in self.lanes.items():
            yield item.partition.topic, since(item.record, self.delays)


def _unread(partitions: Collection[Partition]) -> Iterator[tuple[str, float]]:
    """Of each partition with records that were not read, its topic, and since when they wait."""
    for partition in partitions:
        head, unread = partition.head, partition.unread
        if head is not None and unread is not None and head.offset == unread.start:
            yield partition.topic, head.since

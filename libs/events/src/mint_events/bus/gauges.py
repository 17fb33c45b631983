"""Brings the gauges of the consuming runtime up to date."""

from __future__ import annotations

import time
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer

from mint_events.bus import metrics
from mint_events.bus.assignment import Assignment
from mint_events.bus.lanes import Lanes
from mint_events.bus.limits import Limits
from mint_events.bus.parking import Parking
from mint_events.bus.partition import InFlight


@dataclass(frozen=True, slots=True)
class Gauges:
    """The gauges of one consumer; a process may have several."""

    group: str
    lanes: Lanes[InFlight]
    parking: Parking
    limits: Limits

    def measure(self, member: AIOKafkaConsumer, assignment: Assignment) -> None:
        """Set depth, capacity, age and lag as they are now."""
        metrics.PARKED.labels(self.group).set(len(self.parking))
        metrics.IN_FLIGHT.labels(self.group).set(self.lanes.in_flight)
        metrics.IN_FLIGHT_BYTES.labels(self.group).set(self.lanes.bytes_in_flight)
        metrics.IN_FLIGHT_LIMIT.labels(self.group).set(self.limits.max_in_flight)
        metrics.FULL.labels(self.group).set(assignment.full)
        metrics.OLDEST_SECONDS.labels(self.group).set(_age(self.lanes, time.time()))
        _measure_lag(member, assignment)


def _measure_lag(member: AIOKafkaConsumer, assignment: Assignment) -> None:
    assigned = member.assignment()
    for tp, partition in assignment.partitions.items():
        done = partition.watermark.committable
        end = member.highwater(tp) if tp in assigned else None
        if end is not None and done is not None:
            metrics.LAG.labels(partition.topic, partition.number).set(end - done)


def _age(lanes: Lanes[InFlight], now: float) -> float:
    """Seconds since the oldest record in work was written, 0 if there is none."""
    written = (item.record.timestamp_ms / 1000 for item in lanes.heads())
    return max(0.0, now - min(written, default=now))

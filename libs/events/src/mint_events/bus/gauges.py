"""Brings the gauges of the consuming runtime up to date."""

from __future__ import annotations

import time

from aiokafka import AIOKafkaConsumer

from mint_events.bus import metrics
from mint_events.bus.assignment import Assignment
from mint_events.bus.lanes import Lanes
from mint_events.bus.parking import Parking
from mint_events.bus.partition import InFlight


def measure(
    client: AIOKafkaConsumer, assignment: Assignment, lanes: Lanes[InFlight], parking: Parking
) -> None:
    """Set depth, age and lag as they are now."""
    metrics.PARKED.set(len(parking))
    metrics.IN_FLIGHT.set(lanes.in_flight)
    metrics.IN_FLIGHT_BYTES.set(lanes.bytes_in_flight)
    metrics.OLDEST_SECONDS.set(_age(lanes, time.time()))
    assigned = client.assignment()
    for tp, partition in assignment.partitions.items():
        done = partition.watermark.committable
        end = client.highwater(tp) if tp in assigned else None
        if end is not None and done is not None:
            metrics.LAG.labels(partition.topic, partition.number).set(end - done)


def _age(lanes: Lanes[InFlight], now: float) -> float:
    """Seconds since the oldest record in work was written, 0 if there is none."""
    written = (item.record.timestamp_ms / 1000 for item in lanes.heads())
    return max(0.0, now - min(written, default=now))

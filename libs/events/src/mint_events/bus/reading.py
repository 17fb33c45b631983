"""From Kafka to the lanes: as many records as there is room for, none before it is due."""

from __future__ import annotations

import asyncio
from collections.abc import Container
from datetime import UTC, datetime
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from mint_events.bus import delay
from mint_events.bus.assignment import Assignment
from mint_events.bus.lanes import Lanes
from mint_events.bus.partition import InFlight
from mint_events.bus.record import Consumed
from mint_events.bus.stopping import unless
from mint_resilience.kafka import classify_kafka_error

_POLL_MS = 500
# Lanes that are full for so long pause the partitions; the group is polled on, or it would take us
# for stuck. Pausing at once would cost throughput whenever they are full for a moment.
_FULL_SECONDS = 1.0

log = structlog.stdlib.get_logger(__name__)


class Reading:
    """Reads what is assigned to a member; `delays` are the topics whose records are due later."""

    def __init__(
        self,
        member: AIOKafkaConsumer,
        assignment: Assignment,
        lanes: Lanes[InFlight],
        delays: Container[str],
    ) -> None:
        self._member = member
        self._assignment = assignment
        self._lanes = lanes
        self._delays = delays

    async def run(self, stop: asyncio.Event) -> None:
        """Read until `stop` is set.

        Raises what work on a record raised and should not have, and a failure by its class when
        the group can not go on (e.g. not authorized).
        """
        while not stop.is_set():
            await unless(stop, self._room())
            self._assignment.fill(full=not self._lanes.free)
            records = await unless(stop, self._poll())
            for tp, batch in (records or {}).items():
                self._take(tp, batch)
            self._lanes.raise_if_crashed()

    async def _room(self) -> None:
        try:
            async with asyncio.timeout(_FULL_SECONDS):
                await self._lanes.room()
        except TimeoutError:
            return

    async def _poll(self) -> dict[TopicPartition, list[Any]]:
        free = self._lanes.free
        try:
            records: dict[TopicPartition, list[Any]] = await self._member.getmany(
                timeout_ms=_POLL_MS if free else 0, max_records=max(1, free)
            )
        except KafkaError as error:
            failure = classify_kafka_error(error, "records can not be read")
            if not error.retriable:
                raise failure from error
            log.warning("poll failed", failure=failure.kind, reason=repr(error))
            await asyncio.sleep(_POLL_MS / 1000)
            return {}
        return records

    def _take(self, tp: TopicPartition, batch: list[Any]) -> None:
        partition = self._assignment.partitions.get(tp)
        if partition is None or partition.waits:
            self._assignment.put_back(tp, batch[0].offset)
            return
        for raw in batch:
            record = partition.consumed(raw)
            if seconds := self._seconds_until_due(record):
                self._assignment.snooze(partition, seconds)
                self._assignment.put_back(tp, raw.offset)
                return
            partition.watermark.take(raw.offset)
            self._lanes.submit(_lane(record), InFlight(record, partition))

    def _seconds_until_due(self, record: Consumed) -> float:
        due = delay.due(record) if record.position.topic in self._delays else None
        return 0.0 if due is None else max(0.0, (due - datetime.now(UTC)).total_seconds())


def _lane(record: Consumed) -> bytes:
    place = record.position
    return delay.lane_of(record.key, record.headers, place.topic, place.partition)

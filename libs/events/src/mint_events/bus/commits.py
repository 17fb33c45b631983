"""Committing offsets: from time to time and at the end, never beyond what is done.

A commit that comes late, even from a process that was taken for dead, does no harm: it names an
offset below which everything is done, so at worst it makes records be delivered again.
"""

from __future__ import annotations

import asyncio

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from mint_events.bus.assignment import Assignment
from mint_events.bus.parking import Parking
from mint_resilience.failpoints import Boundary, reach
from mint_resilience.kafka import classify_kafka_error

_TIMEOUT_SECONDS = 5.0

log = structlog.stdlib.get_logger(__name__)


class Commits:
    """Commits what is done of the assigned partitions."""

    def __init__(self, client: AIOKafkaConsumer, assignment: Assignment, parking: Parking) -> None:
        """`parking` is told what is committed."""
        self._client = client
        self._assignment = assignment
        self._parking = parking
        self._one_at_a_time = asyncio.Lock()

    async def commit(self) -> None:
        """Commit what is done; when that fails it is tried later, or the records come again."""
        async with self._one_at_a_time:
            partitions = self._assignment.partitions
            offsets = {
                tp: offset
                for tp, part in partitions.items()
                if (offset := part.to_commit) is not None
            }
            if offsets and await self._succeeds(offsets):
                for tp, offset in offsets.items():
                    partition = partitions[tp]
                    partition.committed = offset
                    self._parking.committed(partition.topic, partition.number, offset)

    async def _succeeds(self, offsets: dict[object, int]) -> bool:
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                await self._client.commit(offsets)
                reach(Boundary.CONSUMER_COMMITTED)
        except (KafkaError, TimeoutError) as error:
            failure = classify_kafka_error(error, "offsets not committed")
            log.warning("offsets not committed", failure=failure.kind, reason=repr(error))
            return False
        return True

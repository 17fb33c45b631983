"""What waits in Kafka: how much of each topic, and since when the oldest request does (NR-5).

Measured for `/metrics`. Every instance tells of all partitions: whoever they are assigned to may
not be the one who moves them on (`patrol`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from mint_events.bus.metrics import LAG
from mint_events.topics import REQUESTS
from mint_resilience.failures import Failure
from mint_runtime.logs import told
from reconciler import metrics
from reconciler.admission import Records
from reconciler.database import failure_of
from reconciler.guarded import GuardedDatabase
from reconciler.offset_ledger import expected_offsets
from reconciler.offsets import Gap, Partition, waiting
from reconciler.stream import GROUP

_SECONDS = 2.0
"""Between two measurements."""

_PATIENCE = 5.0
"""Seconds that the database has to answer; nothing is admitted without it, so nothing is missed."""

log = structlog.stdlib.get_logger(__name__)


class Waiting:
    """Measures; `records` should be nobody else's, so that it waits for no one."""

    def __init__(
        self, database: GuardedDatabase, records: Records, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._records = records
        self._now = now
        self._expected: dict[Partition, int] = {}
        self._heads: dict[tuple[Partition, int], float] = {}

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            try:
                await self._measure()
            except Failure as failure:
                log.warning("what waits can not be measured", **told(failure))
            await asyncio.sleep(_SECONDS)

    async def _measure(self) -> None:
        ends = await self._records.ends()
        expected = await self._known_expected(list(ends))
        for (topic, number), end in ends.items():
            LAG.labels(GROUP, topic, number).set(end - expected.get((topic, number), 0))
        gaps = [gap for gap in waiting(expected, ends) if gap.partition[0] == REQUESTS.name]
        now = self._now().timestamp()
        times = [await self._time_of_first(gap) for gap in gaps]
        self._heads = dict(zip(map(_head, gaps), times, strict=True))
        metrics.REQUESTS_WAITING.set(sum(gap.stop - gap.first for gap in gaps))
        metrics.OLDEST_REQUEST_SECONDS.set(max(0.0, now - min(times, default=now)))

    async def _known_expected(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """As the database says; while it is away, as it said last."""

        async def read() -> dict[Partition, int]:
            async with self._database.pool.acquire() as connection:
                return await expected_offsets(connection, partitions)

        try:
            async with asyncio.timeout(_PATIENCE):
                self._expected = await self._database.ask(read)
        except (Failure, TimeoutError) as error:
            failure = failure_of(error)
            if not self._expected:
                raise failure from error
            log.info("measured by what the database said last", **told(failure))
        return self._expected

    async def _time_of_first(self, gap: Gap) -> float:
        """When the first record was written, in seconds since 1970; read once for each."""
        known = self._heads.get(_head(gap))
        if known is not None:
            return known
        records = (await self._records.read(gap)).records
        return records[0].timestamp_ms / 1000 if records else self._now().timestamp()


def _head(gap: Gap) -> tuple[Partition, int]:
    return gap.partition, gap.first

"""Requests are taken while the gate is open; those that waited first, the oldest of all before.

While it is closed, what faust brings of `mint.requests` is left: it stays in Kafka, the ledger of
offsets does not move past it, and so it is found again. Faust itself can not be made to wait, since
one topic whose agent stands still soon holds up all (its buffer is shared by the fetcher).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import structlog

from mint_events.bus.record import Consumed
from mint_events.topics import REQUESTS
from reconciler.gate import Gate
from reconciler.offsets import Gap, Partition, Stretch, oldest, waiting
from reconciler.persist import persist

SHORT = 64
"""Requests that may wait when those that come are taken at once again."""

log = structlog.stdlib.get_logger(__name__)


class Worker(Protocol):
    """Who works records through."""

    async def process(self, records: Sequence[Consumed]) -> None:
        """Work records through, in whatever order and however often they come."""

    async def work(self, stretches: Sequence[Stretch]) -> None:
        """Work pieces of partitions through."""

    async def expected(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """The offset expected next of each partition."""


class Records(Protocol):
    """Where partitions are read again."""

    async def read(self, gap: Gap) -> Stretch:
        """The first records of the gap, or all."""

    async def ends(self) -> dict[Partition, int]:
        """The offset that the next record of each partition will get."""


class Admission:
    """Stands between faust and the reconciler."""

    def __init__(self, gate: Gate, worker: Worker, records: Records) -> None:
        self._gate = gate
        self._worker = worker
        self._records = records

    async def process(self, records: Sequence[Consumed]) -> None:
        """Work records through; requests only if none wait before them."""
        if not self._gate.is_live:
            records = [each for each in records if each.position.topic != REQUESTS.name]
        await self._worker.process(records)

    async def run(self) -> None:
        """Each time the gate opens, take what has waited. Until cancelled."""
        while True:
            await self._gate.opened.wait()
            await self._take_what_waits()
            await self._gate.closed.wait()

    async def _take_what_waits(self) -> None:
        while self._gate.is_open and _records_in(gaps := await self._gaps()) > SHORT:
            await self._take(gaps)
        # What comes now is taken as it comes; what has come before is below these ends.
        self._gate.go_live()
        ends = await self._ends()
        while self._gate.is_open and (gaps := await self._gaps(ends)):
            await self._take(gaps)

    async def _take(self, gaps: Sequence[Gap]) -> None:
        log.info("requests that waited are taken", partitions=len(gaps), offsets=_records_in(gaps))
        stretches = [await self._read(gap) for gap in gaps]
        ends = {gap.partition: gap.stop for gap in gaps}
        await self._worker.work(oldest(stretches, ends))

    async def _read(self, gap: Gap) -> Stretch:
        return await persist(lambda: self._records.read(gap))

    async def _gaps(self, ends: Mapping[Partition, int] | None = None) -> list[Gap]:
        """What waits below these ends, or below the present ones."""
        ends = await self._ends() if ends is None else ends
        return waiting(await self._worker.expected(list(ends)), ends)

    async def _ends(self) -> dict[Partition, int]:
        found = await persist(self._records.ends)
        return {partition: end for partition, end in found.items() if partition[0] == REQUESTS.name}


def _records_in(gaps: Sequence[Gap]) -> int:
    return sum(gap.stop - gap.first for gap in gaps)

"""Looks for records that faust has passed over with nothing after them to show the gap.

That happens when it was stopped between committing its offset and our committing the batch, and
when its consumer stands still after a rebalance. So every instance looks at all partitions, whoever
they are assigned to: that two work on the same records is harmless, that none does is not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from reconciler.offsets import Gap, Partition
from reconciler.persist import persist

Ends = Callable[[], Awaitable[dict[Partition, int]]]
"""The offset that the next record of each partition will get."""


class Worker(Protocol):
    """Who knows how far each partition was worked through, and can go on from there."""

    async def expected(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """The offset expected next of each partition."""

    async def fill(self, gap: Gap) -> None:
        """Read a gap from Kafka and work it through."""


def left_behind(
    before: Mapping[Partition, int], now: Mapping[Partition, int], ends: Mapping[Partition, int]
) -> list[Gap]:
    """The partitions that hold more, while nothing of their topic moved on between two looks.

    A topic of which some partition moves on is being worked on, and the others have their turn.
    """
    in_work = {topic for (topic, number), at in now.items() if before.get((topic, number)) != at}
    return [
        Gap(partition=partition, first=at, stop=ends[partition])
        for partition, at in now.items()
        if partition[0] not in in_work and at < ends.get(partition, 0)
    ]


async def patrol(worker: Worker, ends: Ends, stop: asyncio.Event, interval: float) -> None:
    """Until `stop` is set, fill what is left behind.

    `interval` is the time between two looks, in seconds.
    """
    before: dict[Partition, int] = {}
    while not stop.is_set():
        there = await persist(ends)
        now = await worker.expected(list(there))
        for gap in left_behind(before, now, there):
            await worker.fill(gap)
        before = now
        await _pause(stop, interval)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return

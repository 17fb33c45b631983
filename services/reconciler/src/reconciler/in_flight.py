"""What faust has brought and is not committed: how much, since when, how much may be (NR-5).

By the gauges of the consuming runtime, which the other services have. Each topic is worked on by
itself, so each is a group of its own there: `reconciler.` and the topic's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from mint_events.bus import metrics
from mint_events.bus.record import Consumed


class InFlight:
    """The records of one topic that are in work, `most` of them at a time; `now` in Unix seconds.

    While a full batch is in work no more is taken.
    """

    def __init__(self, group: str, most: int, now: Callable[[], float]) -> None:
        self._now = now
        self._batches: dict[object, Sequence[Consumed]] = {}
        metrics.IN_FLIGHT_LIMIT.labels(group).set(most)
        metrics.IN_FLIGHT.labels(group).set_function(self._count)
        metrics.IN_FLIGHT_BYTES.labels(group).set_function(self._bytes)
        metrics.OLDEST_SECONDS.labels(group).set_function(self._age)
        metrics.FULL.labels(group).set_function(lambda: self._count() >= most)

    @contextmanager
    def working_on(self, records: Sequence[Consumed]) -> Iterator[None]:
        """These records are in work for as long as the block is."""
        batch = object()
        self._batches[batch] = records
        try:
            yield
        finally:
            del self._batches[batch]

    def _records(self) -> Iterator[Consumed]:
        return (record for records in self._batches.values() for record in records)

    def _count(self) -> int:
        return sum(map(len, self._batches.values()))

    def _bytes(self) -> int:
        return sum(record.size for record in self._records())

    def _age(self) -> float:
        """Seconds since the oldest record was written, 0 if there is none."""
        now = self._now()
        return max(0.0, now - min((r.timestamp_ms / 1000 for r in self._records()), default=now))

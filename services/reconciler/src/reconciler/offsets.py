"""Which records of a batch are new, and which are missing before them. Pure.

The ledger of offsets in the database says, per partition, which offset is expected next. What lies
below was worked on before; what is missing before a record (faust skipped it, or Kafka holds a
transaction's marker there) is a gap, to be read from Kafka again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from itertools import groupby, takewhile

from mint_events.bus.record import Consumed

Partition = tuple[str, int]
"""Topic (without prefix) and number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """All that Kafka holds of a partition from offset `first` up to, without, `stop`."""

    partition: Partition
    first: int
    stop: int
    records: tuple[Consumed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Offsets from `first` up to, without, `stop` that were expected and did not come."""

    partition: Partition
    first: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """New records in the order they are to be worked on, and how they move their partitions on.

    `before` and `after` are the offsets that are expected next of each partition.
    """

    records: tuple[Consumed, ...]
    before: Mapping[Partition, int]
    after: Mapping[Partition, int]

    def halves(self) -> tuple[Advance, Advance]:
        """The same way in two steps; needs two records at least."""
        middle = len(self.records) // 2
        first, second = self.records[:middle], self.records[middle:]
        between = {**self.before, **{_partition(r): r.position.offset + 1 for r in first}}
        return (
            Advance(records=first, before=self.before, after=between),
            Advance(records=second, before=between, after=self.after),
        )


def stretches_of(records: Iterable[Consumed]) -> list[Stretch]:
    """Records as they came, as runs of consecutive offsets."""
    ordered = sorted(records, key=lambda r: (_partition(r), r.position.offset))
    return [
        _stretch(partition, run)
        for partition, group in groupby(ordered, key=_partition)
        for run in _runs(group)
    ]


def sift(stretches: Sequence[Stretch], expected: Mapping[Partition, int]) -> Advance | list[Gap]:
    """The new records, oldest first across partitions; or the gaps that must be read before.

    A partition that is not in `expected` is expected from its beginning.
    """
    before = {stretch.partition: expected.get(stretch.partition, 0) for stretch in stretches}
    after, gaps = dict(before), list[Gap]()
    new: dict[Partition, list[Consumed]] = {partition: [] for partition in before}
    for stretch in sorted(stretches, key=lambda s: (s.partition, s.first)):
        partition, at = stretch.partition, after[stretch.partition]
        if stretch.first > at:
            gaps.append(Gap(partition=partition, first=at, stop=stretch.first))
        new[partition] += [r for r in stretch.records if r.position.offset >= at]
        after[partition] = max(at, stretch.stop)
    if gaps:
        return gaps
    records = tuple(merge(*new.values(), key=lambda r: r.timestamp_ms))
    return Advance(records=records, before=before, after=after)


def waiting(expected: Mapping[Partition, int], ends: Mapping[Partition, int]) -> list[Gap]:
    """What is there below the ends and was not worked on yet."""
    begins = {partition: expected.get(partition, 0) for partition in ends}
    return [
        Gap(partition=partition, first=first, stop=ends[partition])
        for partition, first in begins.items()
        if first < ends[partition]
    ]


def oldest(stretches: Sequence[Stretch], ends: Mapping[Partition, int]) -> list[Stretch]:
    """The beginnings of these stretches that are older than all that was not read yet.

    `ends` says how far each partition goes. Taken again and again, everything comes in the order of
    its times, as far as each partition is in it; and there is always something to take.
    """
    unread = [stretch for stretch in stretches if stretch.stop < ends[stretch.partition]]
    empty = [stretch for stretch in unread if not stretch.records]
    if empty:  # what comes after these is not known; they hold nothing that could be out of order
        return empty
    newest = [max(record.timestamp_ms for record in stretch.records) for stretch in unread]
    cut = (_until(stretch, min(newest)) if newest else stretch for stretch in stretches)
    return [stretch for stretch in cut if stretch.stop > stretch.first]


def _until(stretch: Stretch, time_ms: int) -> Stretch:
    """The stretch up to the first record that is younger."""
    kept = tuple(takewhile(lambda record: record.timestamp_ms <= time_ms, stretch.records))
    if len(kept) == len(stretch.records):
        return stretch
    return replace(stretch, records=kept, stop=stretch.records[len(kept)].position.offset)


def _runs(records: Iterable[Consumed]) -> Iterator[list[Consumed]]:
    """Split at every missing offset; of a record that came twice the first is taken."""
    run: list[Consumed] = []
    for record in records:
        if run and record.position.offset == run[-1].position.offset:
            continue
        if run and record.position.offset > run[-1].position.offset + 1:
            yield run
            run = []
        run.append(record)
    if run:
        yield run


def _stretch(partition: Partition, run: Sequence[Consumed]) -> Stretch:
    first, last = run[0].position.offset, run[-1].position.offset
    return Stretch(partition=partition, first=first, stop=last + 1, records=tuple(run))


def _partition(record: Consumed) -> Partition:
    return record.position.topic, record.position.partition

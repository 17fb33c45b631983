"""The offset ledger makes redelivery harmless and a skipped record visible."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mint_events.bus import Position
from mint_events.bus.record import Consumed
from reconciler.offsets import Advance, Gap, Stretch, sift, stretches_of

A, B = ("mint.requests", 0), ("mint.requests", 1)


def record(offset: int, partition: int = 0, timestamp_ms: int = 0) -> Consumed:
    place = Position(topic="mint.requests", partition=partition, offset=offset)
    return Consumed(position=place, timestamp_ms=timestamp_ms, key=b"k", value=b"v", headers=())


def places(work: Advance | list[Gap]) -> list[tuple[int, int]]:
    assert isinstance(work, Advance)
    return [(r.position.partition, r.position.offset) for r in work.records]


@pytest.mark.requirement("RE-1")
def test_records_that_are_expected_are_new() -> None:
    work = sift(stretches_of([record(5), record(6)]), {A: 5})
    assert places(work) == [(0, 5), (0, 6)]
    assert isinstance(work, Advance)
    assert work.after == {A: 7}


@pytest.mark.requirement("RE-1")
def test_records_below_the_expected_offset_were_worked_on_before() -> None:
    work = sift(stretches_of([record(3), record(4), record(5)]), {A: 5})
    assert places(work) == [(0, 5)]


@pytest.mark.requirement("RE-1")
def test_a_redelivered_batch_is_no_work_and_moves_no_partition_back() -> None:
    work = sift(stretches_of([record(3), record(4)]), {A: 9})
    assert places(work) == []
    assert isinstance(work, Advance)
    assert work.after == {A: 9}


@pytest.mark.requirement("RE-1")
def test_a_record_above_the_expected_offset_shows_a_gap() -> None:
    assert sift(stretches_of([record(7)]), {A: 5}) == [Gap(partition=A, first=5, stop=7)]


@pytest.mark.requirement("RE-1")
def test_a_record_missing_inside_a_batch_shows_a_gap() -> None:
    found = sift(stretches_of([record(5), record(8)]), {A: 5})
    assert found == [Gap(partition=A, first=6, stop=8)]


def test_a_partition_that_was_never_read_is_expected_from_its_beginning() -> None:
    assert sift(stretches_of([record(2)]), {}) == [Gap(partition=A, first=0, stop=2)]


def test_a_stretch_that_was_read_again_needs_no_record_at_every_offset() -> None:
    stretch = Stretch(partition=A, first=5, stop=9, records=(record(7),))
    work = sift([stretch], {A: 5})
    assert places(work) == [(0, 7)]
    assert isinstance(work, Advance)
    assert work.after == {A: 9}


@pytest.mark.requirement("MF-5")
def test_partitions_are_worked_on_oldest_record_first_and_each_in_its_order() -> None:
    first = [record(0, 0, 30), record(1, 0, 10)]
    second = [record(0, 1, 20), record(1, 1, 40)]
    work = sift(stretches_of(first + second), {})
    assert places(work) == [(1, 0), (0, 0), (0, 1), (1, 1)]


def test_halves_lead_the_same_way() -> None:
    work = sift(stretches_of([record(0), record(1), record(0, 1), record(1, 1)]), {})
    assert isinstance(work, Advance)
    first, second = work.halves()
    assert first.records + second.records == work.records
    assert first.before == work.before
    assert second.before == first.after
    assert second.after == work.after


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 30))), st.integers(0, 20))
def test_whatever_comes_in_whatever_order_nothing_is_skipped_or_taken_twice(
    came: list[tuple[int, int]], expected: int
) -> None:
    stretches = stretches_of([record(offset, partition) for partition, offset in came])
    found = sift(stretches, {A: expected, B: expected})
    wanted = sorted({place for place in came if place[1] >= expected})
    complete = all(
        offset == expected or (partition, offset - 1) in wanted for partition, offset in wanted
    )
    assert isinstance(found, Advance) is complete
    if isinstance(found, Advance):
        assert sorted(places(found)) == wanted

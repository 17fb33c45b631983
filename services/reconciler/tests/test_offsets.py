"""The offset ledger makes redelivery harmless and a skipped record visible."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mint_events.bus import Position
from mint_events.bus.record import Consumed
from reconciler.offsets import Advance, Gap, Stretch, oldest, sift, stretches_of, waiting

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


@pytest.mark.requirement("MF-3")
def test_what_waits_is_what_lies_between_the_expected_offsets_and_the_ends() -> None:
    assert waiting({A: 5}, {A: 9, B: 2}) == [
        Gap(partition=A, first=5, stop=9),
        Gap(partition=B, first=0, stop=2),
    ]
    assert waiting({A: 9}, {A: 9}) == []


def stretch(partition: int, first: int, *times: int) -> Stretch:
    records = tuple(record(first + n, partition, time) for n, time in enumerate(times))
    stop = first + len(times)
    return Stretch(partition=("mint.requests", partition), first=first, stop=stop, records=records)


@pytest.mark.requirement("MF-3")
def test_what_may_be_younger_than_something_unread_is_left_for_the_next_time() -> None:
    taken = oldest([stretch(0, 0, 10, 20), stretch(1, 7, 15, 30)], {A: 5, B: 9})
    assert taken == [stretch(0, 0, 10, 20), stretch(1, 7, 15)]


def test_when_everything_was_read_everything_is_taken() -> None:
    read = [stretch(0, 0, 10, 20), stretch(1, 7, 15, 30)]
    assert oldest(read, {A: 2, B: 9}) == read


def test_offsets_at_which_there_is_nothing_are_passed_before_anything_is_taken() -> None:
    vanished = Stretch(partition=A, first=0, stop=4, records=())
    assert oldest([vanished, stretch(1, 0, 15)], {A: 9, B: 1}) == [vanished]


times_of_partitions = st.lists(
    st.lists(st.integers(0, 50), min_size=1, max_size=12), min_size=1, max_size=4
)


@pytest.mark.requirement("MF-3")
@given(times=times_of_partitions, page=st.integers(1, 5))
def test_taken_again_and_again_everything_comes_once_and_in_the_order_of_its_times(
    times: list[list[int]], page: int
) -> None:
    """Within a partition the order is Kafka's, also where its times are not in order."""
    topic = {("mint.requests", n): [*each] for n, each in enumerate(times)}
    in_order = all(each == sorted(each) for each in times)
    expected, ends = dict.fromkeys(topic, 0), {p: len(each) for p, each in topic.items()}
    taken: list[Consumed] = []
    while gaps := waiting(expected, ends):
        read = [
            stretch(g.partition[1], g.first, *topic[g.partition][g.first : g.first + page])
            for g in gaps
        ]
        step = sift(oldest(read, ends), expected)
        assert isinstance(step, Advance)
        assert step.after != {p: expected[p] for p in step.after}, "it always gets further"
        expected |= step.after
        taken += step.records
    assert len({(r.position.partition, r.position.offset) for r in taken}) == sum(map(len, times))
    for number in range(len(times)):
        offsets = [r.position.offset for r in taken if r.position.partition == number]
        assert offsets == sorted(offsets)
    if in_order:
        assert [r.timestamp_ms for r in taken] == sorted(r.timestamp_ms for r in taken)

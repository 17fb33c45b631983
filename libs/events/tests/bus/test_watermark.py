"""The committed offset never passes work that is not done."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mint_events.bus.watermark import Watermark

offsets_with_gaps = st.lists(st.integers(0, 10_000), unique=True, min_size=1).map(sorted)


@pytest.mark.requirement("DE-4")
@given(taken=offsets_with_gaps, data=st.data())
def test_in_whatever_order_work_ends_nothing_undone_is_passed(
    taken: list[int], data: st.DataObject
) -> None:
    watermark = Watermark()
    for offset in taken:
        watermark.take(offset)
    undone = set(taken)
    for offset in data.draw(st.permutations(taken)):
        assert watermark.committable == min(undone)
        watermark.finish(offset)
        undone.discard(offset)
    assert watermark.committable == taken[-1] + 1


@given(steps=st.lists(st.booleans(), max_size=60), data=st.data())
def test_taking_and_finishing_may_alternate(steps: list[bool], data: st.DataObject) -> None:
    watermark, undone, next_offset = Watermark(), set[int](), 0
    for is_take in steps:
        if is_take or not undone:
            watermark.take(next_offset)
            undone.add(next_offset)
            next_offset += 1
        else:
            offset = data.draw(st.sampled_from(sorted(undone)))
            watermark.finish(offset)
            undone.discard(offset)
        assert watermark.committable == min(undone, default=next_offset)


def test_before_the_first_record_there_is_nothing_to_commit() -> None:
    assert Watermark().committable is None


def test_a_record_that_was_taken_is_not_taken_again() -> None:
    watermark = Watermark()
    watermark.take(7)
    with pytest.raises(ValueError, match="7 was taken before"):
        watermark.take(7)


def test_only_work_that_was_begun_can_be_finished_and_only_once() -> None:
    watermark = Watermark()
    watermark.take(7)
    watermark.finish(7)
    with pytest.raises(ValueError, match="7 is not in work"):
        watermark.finish(7)

"""What faust has passed over is found; what is merely in work is left to it."""

from __future__ import annotations

import pytest

from reconciler.offsets import Gap
from reconciler.patrol import left_behind

A, B = ("mint.chain", 0), ("mint.chain", 1)


@pytest.mark.requirement("RE-1")
def test_a_partition_that_holds_more_and_stands_still_was_left_behind() -> None:
    assert left_behind({A: 5, B: 7}, {A: 5, B: 7}, {A: 9, B: 7}) == [
        Gap(partition=A, first=5, stop=9)
    ]


def test_a_partition_that_moves_on_is_in_work() -> None:
    assert left_behind({A: 5}, {A: 6}, {A: 9}) == []


def test_a_partition_waits_while_its_topic_is_worked_on() -> None:
    assert left_behind({A: 5, B: 7}, {A: 5, B: 8}, {A: 9, B: 9}) == []


def test_a_topic_that_stands_still_does_not_wait_for_another_one() -> None:
    other = ("mint.ipfs", 0)
    found = left_behind({A: 5, other: 1}, {A: 5, other: 2}, {A: 9, other: 2})
    assert found == [Gap(partition=A, first=5, stop=9)]


def test_a_partition_that_was_just_assigned_is_given_time() -> None:
    assert left_behind({}, {A: 5}, {A: 9}) == []

"""A token bucket never lets more calls through than its rate and burst allow."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mint_resilience.rate import Rate, TokenBucket

pytestmark = pytest.mark.requirement("NR-1")


class Trial:
    def __init__(self, rate: Rate) -> None:
        self.now = 0.0
        self.bucket = TokenBucket(rate, clock=lambda: self.now)


@given(
    per_second=st.floats(0.1, 100.0),
    burst=st.integers(1, 20),
    pauses=st.lists(st.floats(0.0, 5.0), max_size=100),
)
def test_no_stretch_of_time_sees_more_calls_than_rate_and_burst_allow(
    per_second: float, burst: int, pauses: list[float]
) -> None:
    trial = Trial(Rate(per_second=per_second, burst=burst))
    times = []
    for pause in pauses:
        trial.now += pause
        times.append(trial.now + trial.bucket.reserve())
    for first, start in enumerate(times):
        for last, end in enumerate(times[first:], first):
            assert last - first + 1 <= burst + (end - start) * per_second + 1e-6


def test_the_burst_is_there_at_once_and_later_calls_wait_in_turn() -> None:
    trial = Trial(Rate(per_second=2.0, burst=3))
    assert [trial.bucket.reserve() for _ in range(6)] == [0.0, 0.0, 0.0, 0.5, 1.0, 1.5]


def test_to_ask_for_the_wait_takes_nothing() -> None:
    trial = Trial(Rate(per_second=1.0))
    assert (trial.bucket.wait(), trial.bucket.wait(), trial.bucket.reserve()) == (0.0, 0.0, 0.0)
    assert trial.bucket.wait() == 1.0


def test_without_a_limit_nobody_waits() -> None:
    trial = Trial(Rate())
    assert {trial.bucket.reserve() for _ in range(100)} == {0.0}


def test_a_pause_holds_every_call_back() -> None:
    trial = Trial(Rate())
    trial.bucket.pause(17.0)
    trial.now += 7
    assert trial.bucket.reserve() == 10.0
    trial.now += 10
    assert trial.bucket.reserve() == 0.0


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    trial = Trial(Rate())
    trial.bucket.pause(17.0)
    trial.bucket.pause(1.0)
    assert trial.bucket.wait() == 17.0


def test_the_rate_can_be_changed_while_it_runs() -> None:
    trial = Trial(Rate(per_second=1.0, burst=10))
    trial.bucket.adjust(Rate(per_second=10.0, burst=1))
    assert [trial.bucket.reserve() for _ in range(3)] == pytest.approx([0.0, 0.1, 0.2])
    assert trial.bucket.rate == Rate(per_second=10.0, burst=1)


async def test_a_call_sleeps_until_its_token_is_there() -> None:
    trial, slept = Trial(Rate(per_second=2.0)), []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    for _ in range(3):
        await trial.bucket.acquire(sleep)
    assert slept == [0.5, 1.0]


async def test_a_call_that_is_cancelled_while_it_waits_takes_no_token() -> None:
    trial = Trial(Rate(per_second=1.0))
    trial.bucket.reserve()

    async def cancelled(_: float) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await trial.bucket.acquire(cancelled)
    assert trial.bucket.wait() == 1.0


@pytest.mark.parametrize("wrong", [{"per_second": 0.0}, {"burst": 0}])
def test_a_rate_at_which_no_call_is_ever_made_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="no call can be made"):
        Rate(**wrong)

"""Latencies are averaged with the newest weighing most, and ranked among the last calls."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mint_resilience.latency import SAMPLES, Latency

SECONDS = st.floats(0.0, 100.0)


def latency(*seconds: float) -> Latency:
    result = Latency()
    for each in seconds:
        result.add(each)
    return result


def test_before_the_first_call_nothing_is_known() -> None:
    assert (latency().average, latency().percentile(0.5)) == (None, None)


@given(st.lists(SECONDS, min_size=1, max_size=SAMPLES))
def test_the_average_is_among_the_calls_and_a_percentile_is_one_of_them(calls: list[float]) -> None:
    result = latency(*calls)
    assert result.average is not None
    assert min(calls) - 1e-9 <= result.average <= max(calls) + 1e-9
    assert result.percentile(0.0) == min(calls)
    assert result.percentile(1.0) == max(calls)
    assert result.percentile(0.95) in calls


def test_the_median_of_five_calls_is_the_third_fastest() -> None:
    assert latency(5, 1, 4, 2, 3).percentile(0.5) == 3


def test_the_average_moves_to_what_is_new() -> None:
    assert latency(*[1.0] * 50, *[3.0] * 20).average == pytest.approx(3.0, abs=0.05)


def test_percentiles_forget_what_is_long_ago() -> None:
    assert latency(100.0, *[1.0] * SAMPLES).percentile(1.0) == 1.0

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_minter.fees import MAX_UNITS, Pricing, percentile, unit_limit

PRICES = st.lists(st.integers(min_value=0, max_value=10**7), max_size=150)


@given(PRICES, st.integers(min_value=0, max_value=10**6))
@pytest.mark.requirement("CH-6")
def test_a_price_is_within_its_bounds_and_no_lower_than_asked(
    recent: list[int], least: int
) -> None:
    price = Pricing(percentile=75, floor=1_000, cap=50_000).price(recent, least)

    assert 1_000 <= price <= 50_000
    assert price >= min(least, 50_000)


@pytest.mark.requirement("CH-6")
def test_a_price_follows_what_others_pay() -> None:
    pricing = Pricing(percentile=50, floor=0, cap=10**9)

    assert [pricing.price([10, 30, 20], least) for least in (0, 15, 40)] == [20, 20, 40]


@given(PRICES.filter(bool), st.integers(min_value=1, max_value=100))
def test_a_percentile_is_a_value_that_so_many_do_not_pass(values: list[int], percent: int) -> None:
    found = percentile(values, percent)

    assert found in values
    assert sum(value <= found for value in values) * 100 >= percent * len(values)


def test_without_recent_prices_nothing_is_offered_but_the_floor() -> None:
    assert Pricing(percentile=75, floor=7, cap=100).price([]) == 7


@given(st.integers(min_value=1, max_value=MAX_UNITS))
def test_a_limit_leaves_room_but_stays_allowed(used: int) -> None:
    assert used <= unit_limit(used, 0.5) <= MAX_UNITS

"""Faults as data: what is said is what is kept, and what can not be is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mint_sandbox.faults import Fault, Kind, When

whens = st.builds(
    When,
    methods=st.lists(st.text(), max_size=3).map(tuple),
    cid=st.none() | st.text(),
    after=st.floats(0, 10),
    until=st.none() | st.floats(11, 20),
    probability=st.floats(0, 1, exclude_min=True),
    count=st.none() | st.integers(1, 100),
)
faults = st.builds(
    Fault,
    kind=st.sampled_from(Kind),
    when=whens,
    seconds=st.floats(0.1, 60),
    blocks=st.integers(1, 300),
    status=st.none() | st.integers(400, 599),
    code=st.none() | st.integers(-33_000, 500),
    location=st.none() | st.text(),
)


@given(faults)
def test_a_fault_read_from_its_json_is_the_same(fault: Fault) -> None:
    assert Fault.from_json(json.loads(json.dumps(fault.to_json()))) == fault


def test_json_tells_no_defaults() -> None:
    assert Fault(Kind.HANG, When(count=2)).to_json() == {"kind": "hang", "count": 2}


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"kind": "explode"}, "explode"),
        ({}, "kind|Kind"),
        ({"kind": "hang", "colour": "red"}, "colour"),
        ({"kind": "slow"}, "seconds"),
        ({"kind": "flap", "seconds": 0}, "seconds"),
        ({"kind": "lag"}, "blocks"),
        ({"kind": "lag", "blocks": 301}, "1 to 300"),
        ({"kind": "late", "blocks": 0}, "1 block later or more"),
        ({"kind": "hang", "probability": 0}, "probability"),
        ({"kind": "hang", "count": 0}, "count"),
        ({"kind": "hang", "after": 2, "until": 1}, "before it begins"),
    ],
)
def test_what_can_not_be_is_refused_by_name(values: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Fault.from_json(values)

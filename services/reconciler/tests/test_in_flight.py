"""How much is in work, how much may be, and how old it is: as the other services tell it."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY

from mint_events.bus import Position
from mint_events.bus.record import Consumed
from reconciler.in_flight import InFlight

GROUP = "reconciler.test"


def record(second: int, value: bytes) -> Consumed:
    place = Position(topic="mint.ipfs", partition=0, offset=second)
    return Consumed(position=place, timestamp_ms=second * 1000, key=b"", value=value, headers=())


def measured() -> dict[str, float | None]:
    names = ("in_flight_records", "in_flight_limit_records", "consumption_full", "in_flight_bytes")
    found = {n: REGISTRY.get_sample_value(f"trimint_{n}", {"group": GROUP}) for n in names}
    age = REGISTRY.get_sample_value("trimint_oldest_in_flight_seconds", {"group": GROUP})
    return {**found, "age": age}


IDLE = {
    "in_flight_records": 0,
    "in_flight_limit_records": 3,
    "consumption_full": 0,
    "in_flight_bytes": 0,
    "age": 0,
}


@pytest.mark.requirement("NR-5", "OB-1")
def test_depth_capacity_and_age_of_what_is_in_work_are_measured_and_a_full_batch_shows() -> None:
    in_flight = InFlight(GROUP, 3, lambda: 100.0)
    assert measured() == IDLE

    batch = [record(second, b"12345678") for second in (70, 40, 90)]
    with in_flight.working_on(batch[:2]):
        assert measured() == {**IDLE, "in_flight_records": 2, "in_flight_bytes": 16, "age": 60}
        with in_flight.working_on(batch[2:]):
            assert measured()["consumption_full"] == 1
    assert measured() == IDLE


@pytest.mark.requirement("NR-5")
def test_what_ends_in_a_failure_is_in_work_no_longer() -> None:
    in_flight = InFlight(GROUP, 3, lambda: 100.0)
    with pytest.raises(RuntimeError), in_flight.working_on([record(1, b"x")]):
        raise RuntimeError
    assert measured() == IDLE

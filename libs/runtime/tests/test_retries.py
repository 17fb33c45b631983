"""How long retries go on can be set; what can not be meant stops the start."""

from __future__ import annotations

import pytest

from mint_events.bus import Wait
from mint_runtime.retries import RetrySettings
from mint_runtime.settings import SettingsError, load


@pytest.fixture(autouse=True)
def brokers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIMINT_KAFKA_BROKERS", "127.0.0.1:9092")


@pytest.mark.requirement("NR-4", "NR-6")
def test_a_record_has_a_budget_and_then_waits_longer_and_longer() -> None:
    retries = load(RetrySettings).retries(max_in_flight=7)
    assert retries.limits.max_in_flight == 7
    assert (retries.limits.budget_attempts, retries.limits.budget_seconds) == (20, 120)
    assert retries.parking == (Wait(30.0), Wait(300.0), Wait(1800.0))


@pytest.mark.requirement("NR-6", "CF-1")
def test_the_waits_are_set_by_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIMINT_PARKING_SECONDS", "0.5, 2")
    assert load(RetrySettings).retries(max_in_flight=1).parking == (Wait(0.5), Wait(2.0))


@pytest.mark.requirement("CF-1")
@pytest.mark.parametrize("value", ["", "0,5", "30,30", "300,30", "soon"])
def test_waits_that_do_not_ascend_stop_the_start(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("TRIMINT_PARKING_SECONDS", value)
    with pytest.raises(SettingsError, match="TRIMINT_PARKING_SECONDS: expected seconds, ascending"):
        load(RetrySettings)

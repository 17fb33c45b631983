"""A bad setting stops the start with one line that names it (CF-1)."""

from __future__ import annotations

import pytest

from mint_events.catalogue import LockHold
from mint_runtime.settings import SettingsError, load
from reconciler.settings import ReconcilerSettings

from . import given as g

GOOD = {
    "KAFKA_BROKERS": "127.0.0.1:9092",
    "DATABASE_URL": "postgresql://u:secret@127.0.0.1/trimint",
    "SOLANA_AUTHORITY": g.AUTHORITY,
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in GOOD.items():
        monkeypatch.setenv(f"TRIMINT_{name}", value)
    return monkeypatch


@pytest.mark.requirement("CF-1")
def test_the_defaults_are_those_of_the_requirements(environment: pytest.MonkeyPatch) -> None:
    policy = load(ReconcilerSettings).policy
    assert policy.lock_held_until is LockHold.VERIFIED
    assert policy.limits.media.image_max_bytes == 10 * 1024 * 1024


@pytest.mark.requirement("CF-1")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SOLANA_AUTHORITY", "not-an-address"),
        ("LEVEL_MAX", "0"),
        ("LOCK_HELD_UNTIL", "tomorrow"),
        ("IMAGE_MAX_BYTES", "99999999999"),
        ("ANIMATION_MAX_BYTES", "0"),
        ("IMAGE_SVG", "perhaps"),
        ("DATABASE_CONNECTIONS", "1"),
        ("DATABASE_URL", "postgresql://u:pa/ss@127.0.0.1/trimint"),
    ],
)
def test_a_bad_value_is_named(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(f"TRIMINT_{name}", value)
    with pytest.raises(SettingsError, match=f"TRIMINT_{name}"):
        load(ReconcilerSettings)

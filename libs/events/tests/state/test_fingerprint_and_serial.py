"""A request is known again by its content; a state survives its row in the database."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mint_events import catalogue as c
from mint_events.state import MintState, dumps, fingerprint, fold, loads

from . import histories as h

CHANGES: tuple[dict[str, object], ...] = (
    {"level": 4},
    {"name": "Level 4"},
    {"image": b"other"},
    {"image": None},
    {"is_mutable": False},
    {"creators": (c.Creator(address="a", share=100),)},
    {"attributes": (c.Attribute(trait_type="t", value="v"),)},
    {"description": "text"},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewerRequest(c.MintRequested):
    """The request as a later schema may have it."""

    priority: int = 0


@pytest.mark.requirement("MF-1")
def test_the_same_body_has_the_same_fingerprint() -> None:
    assert fingerprint(h.request()) == fingerprint(h.request())


@pytest.mark.requirement("MF-1")
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_another_body_has_another_fingerprint(change: dict[str, object]) -> None:
    assert fingerprint(h.request(**change)) != fingerprint(h.request())


@pytest.mark.requirement("MF-1")
def test_a_field_that_a_later_schema_adds_changes_no_fingerprint() -> None:
    old = h.request()
    newer = NewerRequest(**{name: getattr(old, name) for name in c.MintRequested.__slots__})
    assert fingerprint(newer) == fingerprint(old)


def test_a_state_reads_back_as_it_was_written() -> None:
    for history in (h.whole_mint(), h.failed_mint(), h.parked_mint()):
        state = fold(h.MINT, [event for events in history.values() for event in events])
        assert loads(dumps(state)) == state


@given(st.text(max_size=300))
def test_any_text_of_the_request_survives(text: str) -> None:
    state = fold(h.MINT, h.in_order(h.request(name=text, symbol=text, user_id=text)))
    assert loads(dumps(state)) == state


def test_a_state_holds_no_image() -> None:
    state = fold(h.MINT, h.in_order(h.request(image=b"\x89PNG" * 100_000)))
    assert len(dumps(state)) < 1000


def test_what_is_no_state_says_so() -> None:
    with pytest.raises(ValueError, match="not a mint's state"):
        loads('{"status": "completed"}')


def test_the_empty_state_is_short() -> None:
    assert dumps(MintState(mint_id="m")) == '{"mint_id":"m"}'

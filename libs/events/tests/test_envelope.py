from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from mint_events.catalogue import MintCompleted, MintFailed, UnpinRequested
from mint_events.envelope import Envelope, caused_by, root
from mint_events.tracing import is_traceparent, trace_id

NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
FAILED = MintFailed(mint_id="m-1", user_id="u-1", detail="no")
UNPIN = UnpinRequested(mint_id="m-1", cids=("bafy",))
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"


def first(traceparent: str | None = None) -> Envelope:
    return root(FAILED, id=UUID(int=7), source="upstream", time=NOW, traceparent=traceparent)


def test_the_same_effect_of_the_same_cause_has_the_same_id() -> None:
    once = caused_by(first(), UNPIN, source="reconciler", time=NOW)
    again = caused_by(first(), UNPIN, source="reconciler", time=NOW + timedelta(hours=1))
    assert once.id == again.id


@pytest.mark.parametrize(
    "other",
    [
        caused_by(first(), UNPIN, source="reconciler", time=NOW, ordinal="1"),
        caused_by(first(), FAILED, source="reconciler", time=NOW),
        caused_by(first(), UnpinRequested(mint_id="m-2", cids=()), source="reconciler", time=NOW),
        caused_by(
            caused_by(first(), UNPIN, source="reconciler", time=NOW),
            UNPIN,
            source="reconciler",
            time=NOW,
        ),
    ],
    ids=["ordinal", "type", "mint", "cause"],
)
def test_another_ordinal_type_mint_or_cause_has_another_id(other: Envelope) -> None:
    assert other.id != caused_by(first(), UNPIN, source="reconciler", time=NOW).id


@pytest.mark.requirement("OB-8")
def test_correlation_and_trace_are_the_same_from_the_first_event_to_the_last() -> None:
    begin = first(TRACEPARENT)
    middle = caused_by(begin, UNPIN, source="reconciler", time=NOW)
    end = caused_by(middle, FAILED, source="reconciler", time=NOW)
    assert {e.correlation_id for e in (begin, middle, end)} == {str(begin.id)}
    assert {trace_id(e.traceparent or "") for e in (begin, middle, end)} == {TRACEPARENT[3:35]}
    assert [middle.causation_id, end.causation_id] == [begin.id, middle.id]


def test_a_span_is_named_by_its_event_and_keeps_the_flags() -> None:
    child = caused_by(first(TRACEPARENT), UNPIN, source="reconciler", time=NOW)
    assert child.traceparent == f"00-{TRACEPARENT[3:35]}-{child.id.hex[16:]}-00"


def test_a_root_without_a_traceparent_begins_a_trace_named_by_it() -> None:
    assert trace_id(first().traceparent or "") == first().id.hex


@pytest.mark.parametrize("unusable", [None, "", "rubbish", TRACEPARENT.upper(), f"{TRACEPARENT}-"])
def test_a_cause_without_a_usable_traceparent_begins_the_trace(unusable: str | None) -> None:
    foreign = Envelope(
        event=FAILED,
        id=UUID(int=7),
        source="unknown",
        time=NOW,
        correlation_id="x",
        causation_id=None,
        traceparent=unusable,
    )
    effects = [caused_by(foreign, e, source="reconciler", time=NOW) for e in (FAILED, UNPIN)]
    assert {trace_id(e.traceparent or "") for e in effects} == {foreign.id.hex}


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        (TRACEPARENT, True),
        ("00-" + "0" * 32 + "-00f067aa0ba902b7-01", False),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", False),
        ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", False),
    ],
)
def test_a_traceparent_is_what_w3c_says(text: str, valid: bool) -> None:
    assert is_traceparent(text) is valid


@pytest.mark.parametrize(
    "time", [NOW.replace(tzinfo=None), NOW.astimezone(timezone(timedelta(hours=2)))]
)
def test_a_time_that_is_not_utc_is_refused(time: datetime) -> None:
    with pytest.raises(ValueError, match="not in UTC"):
        root(FAILED, id=UUID(int=1), source="reconciler", time=time)


def test_an_envelope_says_its_type_and_mint() -> None:
    event = MintCompleted(mint_id="m-9", user_id="u", mint_address="a", metadata_cid="c")
    envelope = root(event, id=UUID(int=1), source="reconciler", time=NOW)
    assert (envelope.type, envelope.mint_id) == ("MintCompleted", "m-9")

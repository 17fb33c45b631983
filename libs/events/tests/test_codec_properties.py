from __future__ import annotations

from contextlib import suppress
from dataclasses import fields, is_dataclass
from datetime import UTC
from enum import StrEnum
from types import UnionType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from mint_events.catalogue import Event
from mint_events.codec import Codec
from mint_events.envelope import Envelope, Received
from mint_events.schema.history import EVENT_TYPES
from mint_resilience.failures import Poison

CODEC = Codec()
PRIMITIVES: dict[Any, SearchStrategy[Any]] = {
    str: st.text(max_size=20),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    bytes: st.binary(max_size=50),
    type(None): st.none(),
}


def values_of(annotation: Any) -> SearchStrategy[Any]:
    """Values of a field's type, whatever the catalogue says it is."""
    arguments = get_args(annotation)
    if annotation in PRIMITIVES:
        return PRIMITIVES[annotation]
    if get_origin(annotation) is Annotated:
        return values_of(arguments[0])
    if get_origin(annotation) is tuple:
        return st.lists(values_of(arguments[0]), max_size=3).map(tuple)
    if get_origin(annotation) is dict:
        return st.dictionaries(st.text(max_size=5), values_of(arguments[1]), max_size=3)
    if get_origin(annotation) is UnionType:
        return st.one_of(*map(values_of, arguments))
    if issubclass(annotation, StrEnum):
        return st.sampled_from(annotation)
    assert is_dataclass(annotation)
    assert isinstance(annotation, type)
    return records_of(annotation)


def records_of(record: type) -> SearchStrategy[Any]:
    hints = get_type_hints(record, include_extras=True)
    return st.builds(record, **{f.name: values_of(hints[f.name]) for f in fields(record)})


def envelopes_of(event: type[Event]) -> SearchStrategy[Envelope]:
    return st.builds(
        Envelope,
        event=records_of(event),
        id=st.uuids(),
        source=st.text(),
        time=st.datetimes(timezones=st.just(UTC)),
        correlation_id=st.text(min_size=1),
        causation_id=st.none() | st.uuids(),
        traceparent=st.none() | st.just("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    )


def decode(key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]) -> Received:
    return CODEC.decode("mint.requests", 0, 5, 1_777_897_801_250, key, value, headers)


@pytest.mark.parametrize("event", EVENT_TYPES)
@settings(max_examples=30)
@given(data=st.data())
def test_every_event_comes_back_as_it_was(event: type[Event], data: st.DataObject) -> None:
    envelope = data.draw(envelopes_of(event))
    record = CODEC.encode(envelope)
    received = decode(record.key, record.value, record.headers)
    assert received.envelope == envelope
    assert CODEC.encode(received.envelope) == record


HEADER_NAMES = [
    *("ce_id", "ce_type", "ce_source", "ce_time"),
    *("correlationid", "causationid", "traceparent"),
]
FRAMES = [CODEC._schemas.frame_headers[event] for event in EVENT_TYPES]


@pytest.mark.requirement("MF-2")
@given(
    key=st.none() | st.binary(max_size=20),
    value=st.none()
    | st.builds(bytes.__add__, st.sampled_from([b"", b"\x00", *FRAMES]), st.binary(max_size=200)),
    headers=st.lists(st.tuples(st.sampled_from(HEADER_NAMES), st.binary(max_size=40)), max_size=4),
    timestamp_ms=st.integers(-(2**63), 2**63 - 1),
)
def test_random_bytes_are_poison_or_an_event_and_nothing_else(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]], timestamp_ms: int
) -> None:
    with suppress(Poison):
        received = CODEC.decode("mint.requests", 0, 5, timestamp_ms, key, value, headers)
        assert received.envelope.mint_id.encode() == key


@pytest.mark.requirement("MF-2")
@pytest.mark.parametrize("event", EVENT_TYPES)
@settings(max_examples=30)
@given(data=st.data())
def test_a_damaged_record_is_poison_or_an_event_and_nothing_else(
    event: type[Event], data: st.DataObject
) -> None:
    record = CODEC.encode(data.draw(envelopes_of(event)))
    place = data.draw(st.integers(0, len(record.value) - 1))
    damage = data.draw(st.binary(max_size=12))
    damaged = record.value[:place] + damage + record.value[place + data.draw(st.integers(0, 12)) :]
    with suppress(Poison):
        received = decode(record.key, damaged, record.headers)
        assert received.envelope.subject.encode() == record.key

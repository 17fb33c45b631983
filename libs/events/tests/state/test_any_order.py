"""Topics may be read in any interleaving, and anything may be read twice (RE-2)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mint_events.envelope import Envelope
from mint_events.state import MintState, consistency_rows, dumps, evolve, fold, status_of

from . import histories as h

HISTORIES = {
    "whole": h.whole_mint(),
    "updated": h.updated_mint(),
    "failed": h.failed_mint(),
    "parked": h.parked_mint(),
}


def merged(topics: dict[str, tuple[Envelope, ...]], draw: st.DrawFn) -> list[Envelope]:
    """One reading of the topics, each in its own order."""
    turns = [name for name, events in topics.items() for _ in events]
    readers = {name: iter(events) for name, events in topics.items()}
    return [next(readers[name]) for name in draw(st.permutations(turns))]


@st.composite
def readings(draw: st.DrawFn) -> tuple[str, list[Envelope]]:
    name = draw(st.sampled_from(sorted(HISTORIES)))
    return name, merged(HISTORIES[name], draw)


@st.composite
def redeliveries(draw: st.DrawFn) -> tuple[list[Envelope], list[Envelope]]:
    """A reading, and the same one where some events come again at some later point."""
    _, reading = draw(readings())
    again: list[Envelope] = []
    for index, event in enumerate(reading):
        again.append(event)
        again.extend(draw(st.lists(st.sampled_from(reading[: index + 1]), max_size=2)))
    return reading, again


def in_time_order(topics: dict[str, tuple[Envelope, ...]]) -> Sequence[Envelope]:
    return sorted((e for events in topics.values() for e in events), key=lambda e: e.time)


@pytest.mark.requirement("RE-2")
@given(readings())
def test_every_interleaving_of_the_topics_ends_in_the_same_state(
    reading: tuple[str, list[Envelope]],
) -> None:
    name, events = reading
    expected = fold(h.MINT, in_time_order(HISTORIES[name]))
    state = fold(h.MINT, events)
    assert status_of(state) is status_of(expected)
    assert consistency_rows(state) == consistency_rows(expected)
    assert dumps(state) == dumps(expected)
    assert state.updated_at == expected.updated_at


@pytest.mark.requirement("RE-2")
@given(redeliveries())
def test_redelivered_events_change_nothing(case: tuple[list[Envelope], list[Envelope]]) -> None:
    once, again = case
    assert fold(h.MINT, again) == fold(h.MINT, once)


@given(readings(), st.data())
def test_an_event_folded_twice_in_a_row_is_folded_once(
    reading: tuple[str, list[Envelope]], data: st.DataObject
) -> None:
    _, events = reading
    cut = data.draw(st.integers(min_value=0, max_value=len(events) - 1))
    before: MintState = fold(h.MINT, events[:cut])
    after = evolve(before, events[cut])
    assert evolve(after, events[cut]) == after

"""Updates of the URI: what the chain said last is known, and the mint's line is left alone."""

from __future__ import annotations

import pytest

from mint_events import catalogue as c
from mint_events.state import MintState, Status, consistency_rows, dumps, fold, loads, status_of

from . import histories as h

COMPLETED = (
    h.request(),
    h.accepted(h.request()),
    h.pinned(),
    h.prepared(),
    h.submitted(),
    h.confirmed(),
    h.phase(1),
    h.phase(2),
    h.completed(),
)


def after(*events: c.Event) -> MintState:
    return fold(h.MINT, h.in_order(*events))


@pytest.mark.requirement("CH-10")
def test_the_uri_is_that_which_was_pinned_until_another_one_is_set() -> None:
    assert after().uri is None
    assert after(*COMPLETED).uri == "ipfs://bafymeta"
    assert after(*COMPLETED, h.update_requested(), h.update_submitted()).uri == "ipfs://bafymeta"
    assert after(*COMPLETED, h.updated()).uri == "ipfs://bafynew"


@pytest.mark.requirement("CH-10", "RE-2")
@pytest.mark.parametrize("reading", [(20, 30), (30, 20)])
def test_the_chain_says_by_its_slots_which_uri_is_the_newest(reading: tuple[int, int]) -> None:
    updates = [h.updated(f"of-{slot}", slot) for slot in reading]
    assert after(*COMPLETED, *updates).uri == "of-30"


@pytest.mark.requirement("CH-10")
def test_a_transaction_for_an_update_is_no_submission_of_the_mint() -> None:
    prepared = COMPLETED[:4]
    assert status_of(after(*prepared, h.update_submitted())) is Status.PREPARED
    submitted = after(*prepared, h.submitted(), h.update_submitted(attempt=3)).submission
    assert submitted == after(*prepared, h.submitted()).submission


@pytest.mark.requirement("CH-10")
def test_an_update_and_its_failure_leave_a_completed_mint_completed() -> None:
    before = after(*COMPLETED)
    updates = (h.update_requested(), h.update_submitted(), h.update_failed())
    for ends in (updates, (*updates, h.intervention()), (*updates[:2], h.updated())):
        state = after(*COMPLETED, *ends)
        assert status_of(state) is Status.COMPLETED
        assert consistency_rows(state) == consistency_rows(before)


@pytest.mark.requirement("CH-10")
def test_the_newest_failure_is_known_with_its_reason() -> None:
    failure = after(*COMPLETED, h.update_failed("one"), h.update_failed("two")).uri_failure
    assert failure is not None
    assert (failure.uri, failure.outcome) == ("two", c.UriUpdateOutcome.GIVEN_UP)
    assert failure.detail == "three transactions expired"


def test_a_snapshot_of_a_state_with_updates_is_read_back() -> None:
    state = after(*COMPLETED, h.updated(), h.update_failed("two"))
    assert loads(dumps(state)) == state

"""Each state of MF-8 follows from the facts, and a lock that was given back stays so."""

from __future__ import annotations

import pytest

from mint_events import catalogue as c
from mint_events.state import (
    MintState,
    Status,
    fold,
    holds_lock,
    holds_user_back,
    status_of,
)

from . import histories as h

LINE = (
    (h.request(), Status.REQUESTED),
    (h.accepted(h.request()), Status.REQUESTED),
    (h.pinned(), Status.PINNED),
    (h.prepared(), Status.PREPARED),
    (h.submitted(), Status.SUBMITTED),
    (h.confirmed(), Status.CONFIRMED),
    (h.phase(1), Status.VERIFIED),
    (h.phase(2), Status.VERIFIED),
    (h.completed(), Status.COMPLETED),
)


def after(*events: c.Event) -> MintState:
    return fold(h.MINT, h.in_order(*events))


@pytest.mark.requirement("MF-8")
@pytest.mark.parametrize("steps", range(1, len(LINE) + 1))
def test_a_mint_goes_along_the_line(steps: int) -> None:
    events = [event for event, _ in LINE[:steps]]
    assert status_of(after(*events)) is LINE[steps - 1][1]


@pytest.mark.requirement("CH-2")
def test_the_newest_signature_is_known_also_when_it_is_of_the_same_attempt() -> None:
    signatures = [h.submitted(1), h.submitted(2, attempt=1), h.submitted(3, attempt=2)]

    newest = [after(*signatures[: count + 1], signatures[0]).submission for count in range(3)]

    assert [each and (each.signature, each.attempt) for each in newest] == [
        ("signature-1", 1),
        ("signature-2", 1),
        ("signature-3", 2),
    ]


@pytest.mark.requirement("MF-8")
def test_an_invalid_request_is_rejected() -> None:
    state = after(h.request(), h.rejected(c.RejectionReason.INVALID_FIELD))
    assert status_of(state) is Status.REJECTED


@pytest.mark.requirement("MF-1")
def test_a_conflicting_request_and_its_rejection_leave_the_first_mint_alone() -> None:
    first = after(h.request(), h.accepted(h.request()), h.pinned())
    conflict = (h.request(level=4), h.rejected(c.RejectionReason.IDEMPOTENCY_CONFLICT))
    later = fold(
        h.MINT, (*h.in_order(h.request(), h.accepted(h.request()), h.pinned(), *conflict),)
    )
    assert later == first


def test_a_phase_that_is_read_before_the_confirmation_waits_for_it() -> None:
    early = after(h.accepted(h.request()), h.prepared(), h.submitted(), h.phase(1))
    assert status_of(early) is Status.SUBMITTED
    both = after(h.accepted(h.request()), h.prepared(), h.submitted(), h.phase(1), h.confirmed())
    assert status_of(both) is Status.VERIFIED


@pytest.mark.requirement("MF-5")
def test_an_accepted_mint_holds_its_user_back_until_it_is_verified() -> None:
    line = [event for event, _ in LINE]
    held = [holds_user_back(after(*line[:steps])) for steps in range(1, 8)]
    assert held == [False, True, True, True, True, True, False]


@pytest.mark.requirement("MF-5")
def test_the_lock_is_held_from_preparation_to_verification() -> None:
    line = [event for event, _ in LINE]
    held = [holds_lock(after(*line[:steps])) for steps in range(1, 8)]
    assert held == [False, False, False, True, True, True, False]


@pytest.mark.requirement("MF-5")
def test_a_lock_that_is_held_until_completion_outlives_phase_1() -> None:
    prepared = h.prepared(c.LockHold.COMPLETED)
    line = (h.accepted(h.request()), h.pinned(), prepared, h.confirmed(), h.phase(1))
    assert holds_lock(after(*line))
    assert not holds_lock(after(*line, h.phase(2), h.completed()))


@pytest.mark.requirement("MF-5")
def test_a_lock_that_was_given_back_is_not_claimed_again_when_phase_1_fails_later() -> None:
    line = (h.accepted(h.request()), h.pinned(), h.prepared(), h.confirmed(), h.phase(1))
    assert not holds_lock(after(*line, h.phase(1, c.CheckOutcome.FAILED)))


@pytest.mark.requirement("MF-5")
def test_an_intervention_keeps_the_lock_and_a_failure_gives_it_back() -> None:
    line = (h.accepted(h.request()), h.pinned(), h.prepared())
    assert holds_lock(after(*line, h.parked(), h.intervention()))
    assert not holds_lock(after(*line, h.failed()))
    assert not holds_user_back(after(*line, h.failed()))

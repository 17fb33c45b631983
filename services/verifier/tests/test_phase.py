"""Given a round of a phase's checks, when it is over, then this comes next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mint_events.catalogue import CheckOutcome, MintConfirmed, VerificationDue
from verifier.catalogue import LAYERS, Check
from verifier.decision import Examined
from verifier.phase import (
    Waits,
    check_completed,
    first_phase,
    next_step,
    phase_outcome,
)
from verifier.plan import PHASE_1, PHASE_2

WAITS = Waits(phase_2=300, retries=(30, 120))


def examined(check: Check, outcome: CheckOutcome = CheckOutcome.PASSED) -> Examined:
    return Examined(
        check=check,
        outcome=outcome,
        endpoint="rpc",
        at=datetime(2026, 1, 1, tzinfo=UTC),
        latency=0.01234,
        attempts=1,
        evidence={"slot": "1001"},
        failure=None,
    )


def round_of(**outcomes: CheckOutcome) -> list[Examined]:
    """Phase 1 with everything passed but what is named."""
    return [examined(check, outcomes.get(check, CheckOutcome.PASSED)) for check in PHASE_1]


@pytest.fixture
def due(confirmed: MintConfirmed) -> VerificationDue:
    return first_phase(confirmed, PHASE_1)


@pytest.mark.requirement("VE-1")
def test_phase_1_passed_is_followed_by_phase_2_after_the_delay(due: VerificationDue) -> None:
    step = next_step(due, round_of(), PHASE_2, WAITS)

    assert step.completed is not None
    assert step.completed.outcome is CheckOutcome.PASSED
    assert step.completed.finalized_slot == 1001
    assert step.later is not None
    assert step.later.wait == 300
    assert (step.later.due.phase, step.later.due.round) == (2, 0)
    assert step.later.due.checks == PHASE_2
    assert step.later.due.finalized_slot == 1001


@pytest.mark.requirement("VE-5")
def test_a_failed_check_fails_the_phase_and_nothing_follows(due: VerificationDue) -> None:
    failed = round_of(
        metadata_retrievable=CheckOutcome.FAILED, metadata_level=CheckOutcome.INCONCLUSIVE
    )

    step = next_step(due, failed, PHASE_2, WAITS)

    assert step.completed is not None
    assert step.completed.outcome is CheckOutcome.FAILED
    assert step.completed.failed_checks == ("metadata_retrievable",)
    assert step.later is None


@pytest.mark.requirement("VE-5")
def test_only_what_was_inconclusive_is_tried_again_later(due: VerificationDue) -> None:
    step = next_step(due, round_of(record_agrees=CheckOutcome.INCONCLUSIVE), PHASE_2, WAITS)

    assert step.completed is None
    assert step.later is not None
    assert step.later.due.checks == ("record_agrees",)
    assert (step.later.due.phase, step.later.due.round, step.later.wait) == (1, 1, 30)
    assert step.later.due.finalized_slot == 1001


@pytest.mark.requirement("VE-5")
def test_rounds_wait_longer_and_longer_but_go_on(due: VerificationDue) -> None:
    undecided = [examined(Check.RECORD_AGREES, CheckOutcome.INCONCLUSIVE)]

    waits = [
        step.later.wait
        for number in range(4)
        if (step := next_step(replace(due, round=number), undecided, PHASE_2, WAITS)).later
    ]

    assert waits == [30, 120, 120, 120]


@pytest.mark.requirement("VE-5")
def test_a_later_round_that_passes_completes_the_phase(due: VerificationDue) -> None:
    again = replace(due, round=3, checks=("record_agrees",), finalized_slot=1001)

    step = next_step(again, [examined(Check.RECORD_AGREES)], PHASE_2, WAITS)

    assert step.completed is not None
    assert step.completed.outcome is CheckOutcome.PASSED
    assert step.completed.finalized_slot == 1001


@pytest.mark.requirement("VE-2")
def test_phase_2_passed_is_the_end(due: VerificationDue) -> None:
    last = replace(due, phase=2, checks=PHASE_2)

    step = next_step(last, [examined(c) for c in PHASE_2], PHASE_2, WAITS)

    assert step.completed is not None
    assert (step.completed.phase, step.completed.outcome) == (2, CheckOutcome.PASSED)
    assert step.later is None


@pytest.mark.requirement("VE-4")
def test_a_checks_event_has_endpoint_latency_attempts_and_evidence(due: VerificationDue) -> None:
    event = check_completed(due, examined(Check.MINT_ACCOUNT))

    assert (event.check, event.layer, event.phase) == ("mint_account", "solana", 1)
    assert (event.endpoint, event.latency_ms, event.attempts) == ("rpc", 12.34, 1)
    assert event.evidence == {"slot": "1001"}


@given(st.lists(st.sampled_from(CheckOutcome), min_size=1))
def test_a_phase_passes_only_if_every_check_did(outcomes: list[CheckOutcome]) -> None:
    outcome = phase_outcome([examined(Check.MINT_ACCOUNT, each) for each in outcomes])

    assert (outcome is CheckOutcome.PASSED) == (set(outcomes) == {CheckOutcome.PASSED})
    assert (outcome is CheckOutcome.FAILED) == (CheckOutcome.FAILED in outcomes)


def test_every_check_speaks_of_a_layer() -> None:
    assert set(LAYERS) == set(Check)

"""Given a mint's expectation, when database rows are seen, then this is said of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mint_events.catalogue import CheckOutcome
from verifier.checks.database import RecordSeen, UserRowsSeen, nothing_orphaned, record_agrees
from verifier.expectation import Expectation


@pytest.mark.requirement("VE-1")
@pytest.mark.parametrize("status", ["prepared", "submitted", "confirmed", "verified", "completed"])
def test_a_record_that_says_the_same_passes_however_far_it_is(
    expected: Expectation, record: RecordSeen, status: str
) -> None:
    verdict = record_agrees(expected, replace(record, status=status))

    assert verdict.outcome is CheckOutcome.PASSED


@pytest.mark.requirement("VE-1")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("user_id", "user-2"),
        ("wallet", "11111111111111111111111111111111"),
        ("level", 8),
        ("mint_address", None),
        ("metadata_cid", "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"),
        ("image_cid", None),
        ("uri", "ipfs://other"),
        ("name", "Hero #2"),
        ("symbol", "EVIL"),
        ("is_mutable", False),
        ("animation_cid", "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"),
    ],
)
def test_a_field_that_disagrees_fails_and_is_named(
    expected: Expectation, record: RecordSeen, field: str, value: Any
) -> None:
    verdict = record_agrees(expected, replace(record, **{field: value}))

    assert verdict.outcome is CheckOutcome.FAILED
    wrong = {name for name, text in verdict.evidence.items() if text.startswith("expected")}
    assert wrong == {field}


@pytest.mark.parametrize("status", ["failed", "rejected"])
def test_a_record_that_denies_the_nft_fails(
    expected: Expectation, record: RecordSeen, status: str
) -> None:
    verdict = record_agrees(expected, replace(record, status=status))

    assert verdict.outcome is CheckOutcome.FAILED


def test_a_missing_record_fails(expected: Expectation) -> None:
    assert record_agrees(expected, None).outcome is CheckOutcome.FAILED


@pytest.mark.requirement("VE-2")
@pytest.mark.parametrize(
    ("statuses", "lock", "until_completed", "outcome"),
    [
        pytest.param({"mint-1": "verified"}, None, False, "passed", id="released"),
        pytest.param(
            {"mint-1": "verified"}, "mint-1", True, "passed", id="held until completed, as set"
        ),
        pytest.param(
            {"mint-1": "verified"}, "mint-1", False, "failed", id="lock kept by a verified mint"
        ),
        pytest.param(
            {"mint-1": "verified"}, "mint-0", False, "failed", id="lock of a mint that is final"
        ),
        pytest.param(
            {"mint-1": "verified", "mint-2": "submitted"},
            "mint-2",
            False,
            "passed",
            id="the next mint has the lock",
        ),
        pytest.param(
            {"mint-1": "verified", "mint-2": "pinned"},
            None,
            False,
            "passed",
            id="the next mint still waits",
        ),
        pytest.param(
            {"mint-1": "verified", "mint-2": "submitted"},
            None,
            False,
            "failed",
            id="the next mint is in work without the lock",
        ),
        pytest.param(
            {"mint-1": "verified", "mint-2": "intervention"},
            "mint-2",
            False,
            "passed",
            id="the next mint waits for a person",
        ),
        pytest.param({}, None, False, "failed", id="the record is gone"),
        pytest.param(
            {"mint-1": "confirmed"}, "mint-1", False, "inconclusive", id="the database lags"
        ),
    ],
)
def test_what_is_left_over_of_a_mint_or_its_user(
    expected: Expectation,
    statuses: dict[str, str],
    lock: str | None,
    until_completed: bool,
    outcome: str,
) -> None:
    rows = UserRowsSeen(statuses=statuses, lock_holder=lock)

    wanted = replace(expected, lock_until_completed=until_completed)

    verdict = nothing_orphaned(wanted, rows)

    assert verdict.outcome == outcome

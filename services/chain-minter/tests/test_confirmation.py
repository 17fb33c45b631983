"""The core never makes a second signature while the first may land: shown for every evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations_with_replacement, product

import pytest

from chain_minter.confirmation import (
    Commitment,
    Confirm,
    Decision,
    Evidence,
    Found,
    Glance,
    Hearing,
    Look,
    Park,
    Rebroadcast,
    Rules,
    Sign,
    Signed,
    Statement,
    Status,
    Wait,
    decide,
)
from mint_events.catalogue import ChainOutcome

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RULES = Rules(
    max_signatures=3,
    resend=timedelta(seconds=2),
    patience=timedelta(minutes=10),
    witnesses=1,
    max_lag=50,
)
TWO_WITNESSES = replace(RULES, witnesses=2)
LAST_VALID = 1000
SIGNED = Signed(
    signature="s1",
    attempt=1,
    taken=True,
    blockhash_slot=LAST_VALID - 150,
    last_valid_block_height=LAST_VALID,
    signed_at=NOW,
)
LANDED = Status(commitment=Commitment.CONFIRMED, slot=7, error=None)
FINALIZED = replace(LANDED, commitment=Commitment.FINALIZED)
FAILED = replace(LANDED, error="InstructionError")
FINALLY_FAILED = replace(FINALIZED, error="InstructionError")
STATUSES = (
    None,
    *(
        Status(commitment=commitment, slot=7, error=error)
        for commitment, error in product(Commitment, (None, "InstructionError"))
    ),
)
HEIGHTS = (LAST_VALID - 1, LAST_VALID, LAST_VALID + 1)
BEHIND = (0, 1)
"""Slots that the rest was read behind the height."""
AGES = (timedelta(0), RULES.patience + timedelta(seconds=1))


def says(
    status: Status | None = None,
    height: int = LAST_VALID + 1,
    found: Found = Found.ABSENT,
    behind: int = 0,
    *,
    gone: bool = True,
) -> Statement:
    return Statement(
        endpoint="rpc",
        status=status,
        finalized_height=height,
        finalized_slot=height,
        read_slot=height - behind,
        blockhash_gone=gone,
        found=found,
    )


def hearing(*statements: Statement, everywhere: bool = True) -> Hearing:
    return Hearing(statements=statements, everywhere=everywhere)


def glance(status: Status | None = None, height: int = LAST_VALID) -> Glance:
    return Glance(status=status, finalized_height=height)


def after(
    evidence: Evidence,
    signed: Signed | None = SIGNED,
    *,
    age: timedelta = timedelta(0),
    rules: Rules = RULES,
) -> Decision:
    return decide(signed, NOW, evidence, NOW + age, rules)


def every_statement() -> Iterator[Statement]:
    for status, height, found, behind in product(STATUSES, HEIGHTS, Found, BEHIND):
        yield says(status, height, found, behind)
    for height in HEIGHTS:
        yield says(height=height, gone=False)


def every_hearing() -> Iterator[Hearing]:
    """One or two endpoints with everything they can say, asked everywhere or not."""
    for statement, everywhere in product(every_statement(), (True, False)):
        yield hearing(statement, everywhere=everywhere)
    for pair in combinations_with_replacement(every_statement(), 2):
        yield hearing(*pair)


def may_still_land(statement: Statement) -> bool:
    """Said independently of the core: no final failure, and not expired unseen."""
    status = statement.status
    if status is not None:
        return not (status.error and status.commitment is Commitment.FINALIZED)
    if statement.read_slot < statement.finalized_slot:
        return True  # it may have landed since
    if not statement.blockhash_gone:
        return True
    return statement.finalized_height <= LAST_VALID


@pytest.mark.requirement("CH-3")
def test_no_second_signature_while_any_endpoint_leaves_room_for_the_first() -> None:
    for evidence, attempt, age in product(every_hearing(), (1, 2, 3), AGES):
        decision = after(evidence, replace(SIGNED, attempt=attempt), age=age)

        landed_in_part = all(
            statement.status == FINALIZED
            and statement.found is Found.PART
            and statement.read_slot >= FINALIZED.slot
            for statement in evidence.statements
        )
        if isinstance(decision, Sign) and not landed_in_part:
            assert evidence.everywhere
            assert not any(map(may_still_land, evidence.statements))
            assert decision.attempt == attempt + 1 <= RULES.max_signatures


@pytest.mark.requirement("CH-4")
def test_an_nft_that_anybody_sees_is_confirmed_and_nothing_else_is() -> None:
    for evidence, age in product(every_hearing(), AGES):
        decision = after(evidence, age=age)

        seen = any(statement.found is Found.WHOLE for statement in evidence.statements)
        assert isinstance(decision, Confirm) == seen


@pytest.mark.requirement("CH-8")
def test_absent_is_said_only_when_nothing_can_land_and_nobody_sees_anything() -> None:
    for evidence, attempt, age in product(every_hearing(), (1, 2, 3), AGES):
        decision = after(evidence, replace(SIGNED, attempt=attempt), age=age)

        if isinstance(decision, Park) and decision.outcome is ChainOutcome.ABSENT:
            assert attempt == RULES.max_signatures
            assert not any(map(may_still_land, evidence.statements))
            assert {statement.found for statement in evidence.statements} == {Found.ABSENT}


@pytest.mark.requirement("CH-3")
def test_a_glance_alone_never_signs_confirms_or_parks() -> None:
    for status, height, age in product(STATUSES, HEIGHTS, AGES):
        decision = after(glance(status, height), age=age)

        assert isinstance(decision, Look | Wait | Rebroadcast)


@pytest.mark.parametrize(
    ("status", "height", "expected"),
    [
        (None, LAST_VALID, Wait()),
        (None, LAST_VALID + 1, Look(everywhere=True)),
        (replace(LANDED, commitment=Commitment.PROCESSED), LAST_VALID, Wait()),
        (LANDED, LAST_VALID, Look(everywhere=False)),
        (FINALIZED, LAST_VALID + 1, Look(everywhere=False)),
        (FAILED, LAST_VALID, Wait()),
        (FINALLY_FAILED, LAST_VALID, Look(everywhere=True)),
    ],
)
def test_what_follows_from_a_glance(status: Status | None, height: int, expected: Decision) -> None:
    assert after(glance(status, height)) == expected


@pytest.mark.requirement("CH-3")
def test_the_same_bytes_are_sent_again_when_they_were_not_seen_for_a_while() -> None:
    assert after(glance(), age=RULES.resend) == Rebroadcast()
    assert after(glance(LANDED), age=RULES.resend) == Look(everywhere=False)


@pytest.mark.requirement("CH-3", "CH-5")
def test_the_same_bytes_are_sent_again_also_while_one_endpoint_says_they_have_expired() -> None:
    told_too_high = hearing(says(height=LAST_VALID * 1000), says(height=LAST_VALID))

    assert after(told_too_high) == Wait()
    assert after(told_too_high, age=RULES.resend) == Rebroadcast()
    assert after(replace(told_too_high, everywhere=False), age=RULES.resend) == Wait()


def test_what_an_earlier_process_signed_is_sent_at_once() -> None:
    assert decide(SIGNED, None, glance(), NOW, RULES) == Rebroadcast()


@pytest.mark.requirement("CH-4")
def test_before_the_first_signature_the_chain_is_asked() -> None:
    assert after(glance(), None) == Look(everywhere=False)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Found.ABSENT, Sign(attempt=1)),
        (Found.PART, Look(everywhere=True)),
        (Found.WHOLE, Confirm(slot=None)),
    ],
)
@pytest.mark.requirement("CH-10")
def test_unsigned_what_is_missing_is_signed_and_what_is_whole_is_confirmed(
    found: Found, expected: Decision
) -> None:
    assert after(hearing(says(found=found), everywhere=False), None) == expected


def test_our_transactions_slot_is_told_when_it_is_known() -> None:
    assert after(hearing(says(LANDED, found=Found.WHOLE))) == Confirm(slot=7)
    assert after(hearing(says(found=Found.WHOLE))) == Confirm(slot=None)


@pytest.mark.requirement("CH-3")
@pytest.mark.parametrize("status", [None, FINALLY_FAILED])
def test_a_spent_signature_is_followed_by_the_next(status: Status | None) -> None:
    assert after(hearing(says(status), says(status))) == Sign(attempt=2)


@pytest.mark.requirement("CH-8", "NR-3")
@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_a_signature_that_no_endpoint_took_is_no_attempt(attempt: int) -> None:
    untaken = replace(SIGNED, attempt=attempt, taken=False)

    assert after(hearing(says()), untaken) == Sign(attempt=attempt)
    assert after(hearing(says(height=LAST_VALID)), untaken) == Wait()


@pytest.mark.requirement("CH-3")
def test_one_endpoint_that_is_behind_holds_the_next_signature_back() -> None:
    assert after(hearing(says(), says(height=LAST_VALID))) == Wait()


@pytest.mark.requirement("CH-3", "CH-5")
@pytest.mark.parametrize("wrong", [0, LAST_VALID, LAST_VALID + 1, LAST_VALID * 1000])
@pytest.mark.parametrize("others", [1, 2, 3])
def test_an_endpoint_with_wrong_heights_does_not_make_a_signature_expire(
    wrong: int, others: int
) -> None:
    true = says(height=LAST_VALID)

    assert after(hearing(says(height=wrong), *[true] * others), rules=TWO_WITNESSES) == Wait()


@pytest.mark.requirement("CH-3", "CH-5")
@pytest.mark.parametrize("wrong", [0, LAST_VALID - RULES.max_lag, LAST_VALID * 1000])
def test_an_endpoint_with_wrong_heights_does_not_hold_back_what_two_others_say(wrong: int) -> None:
    true = says(height=LAST_VALID + 1)

    assert after(hearing(says(height=wrong), true, true), rules=TWO_WITNESSES) == Sign(attempt=2)


@pytest.mark.requirement("CH-3", "CH-5")
def test_a_last_valid_height_that_was_told_too_low_makes_no_signature_expire() -> None:
    """While its blockhash is good, or its block not final yet, so that nobody can know."""
    good, long_before = says(gone=False), says(height=SIGNED.blockhash_slot - 1)
    told_too_low = replace(SIGNED, last_valid_block_height=0)

    assert after(hearing(good, good), told_too_low) == Wait()
    assert after(hearing(good, good), told_too_low, age=RULES.resend) == Rebroadcast()
    assert after(hearing(says(), good), told_too_low) == Wait()
    assert after(hearing(long_before, long_before), told_too_low) == Wait()
    assert after(hearing(says(), says()), told_too_low) == Sign(attempt=2)


@pytest.mark.requirement("CH-3", "CH-5")
def test_a_last_valid_height_that_can_not_be_is_not_waited_for() -> None:
    good, gone = says(gone=False), says()
    told_too_high = replace(SIGNED, last_valid_block_height=LAST_VALID + 10_000)

    assert after(glance(), told_too_high) == Look(everywhere=True)
    assert after(hearing(gone, good), told_too_high) == Wait()
    assert after(hearing(gone, gone), told_too_high) == Sign(attempt=2)


@pytest.mark.requirement("CH-3", "CH-5")
def test_a_blockhash_that_is_denied_does_not_make_a_signature_expire() -> None:
    denied = says(height=LAST_VALID)

    assert after(hearing(denied, denied)) == Wait()


@pytest.mark.requirement("CH-3", "CH-5")
def test_who_lags_is_believed_in_what_it_has_seen() -> None:
    lags = says(LANDED, height=0, found=Found.WHOLE)

    assert after(hearing(lags, says(), says()), rules=TWO_WITNESSES) == Confirm(slot=LANDED.slot)


@pytest.mark.requirement("CH-3", "CH-5")
def test_one_witness_is_not_enough_where_two_are_asked_for() -> None:
    third = replace(SIGNED, attempt=3)

    assert after(hearing(says()), rules=TWO_WITNESSES) == Wait()
    assert after(hearing(says()), third, rules=TWO_WITNESSES) == Wait()
    part = says(FINALIZED, found=Found.PART)
    assert after(hearing(part), rules=TWO_WITNESSES) == Wait()
    assert after(hearing(part), None, rules=TWO_WITNESSES) == Wait()


@pytest.mark.requirement("CH-3")
def test_what_was_read_before_the_height_shows_no_absence() -> None:
    assert after(hearing(says(behind=1))) == Wait()
    assert after(hearing(says())) == Sign(attempt=2)


@pytest.mark.requirement("CH-10")
def test_a_part_that_one_endpoint_shows_is_looked_at_everywhere() -> None:
    part = says(FINALIZED, found=Found.PART)

    assert after(hearing(part, everywhere=False)) == Look(everywhere=True)
    assert after(hearing(part), None) == Sign(attempt=1)


@pytest.mark.requirement("CH-10")
def test_a_part_read_before_the_transaction_landed_is_no_part_yet() -> None:
    late = replace(FINALIZED, slot=LAST_VALID + 9)

    assert after(hearing(says(late, found=Found.PART))) == Wait()


@pytest.mark.requirement("CH-10")
def test_a_landed_part_is_completed_with_the_count_begun_anew() -> None:
    third = replace(SIGNED, attempt=3)

    assert after(hearing(says(FINALIZED, found=Found.PART)), third) == Sign(attempt=1)


@pytest.mark.requirement("MF-6")
def test_a_landed_nft_that_the_reader_does_not_see_yet_is_waited_for() -> None:
    assert after(hearing(says(LANDED), everywhere=False)) == Wait()


@pytest.mark.requirement("CH-8")
def test_a_landed_nft_that_nobody_ever_sees_is_parked_as_unknown() -> None:
    decision = after(hearing(says(FINALIZED)), age=AGES[1])

    assert isinstance(decision, Park)
    assert decision.outcome is ChainOutcome.UNKNOWN
    assert "s1 has landed" in decision.detail


@pytest.mark.requirement("CH-8")
@pytest.mark.parametrize(
    ("found", "outcome"),
    [(Found.ABSENT, ChainOutcome.ABSENT), (Found.PART, ChainOutcome.UNKNOWN)],
)
def test_after_the_last_signature_the_mint_is_parked_as_the_chain_says(
    found: Found, outcome: ChainOutcome
) -> None:
    decision = after(hearing(says(found=found)), replace(SIGNED, attempt=3))

    assert isinstance(decision, Park)
    assert decision.outcome is outcome

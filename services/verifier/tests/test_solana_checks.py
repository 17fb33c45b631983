"""Given a mint's expectation, when its transaction and accounts are seen, then this is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from solders.pubkey import Pubkey
from solders.token.state import Mint

from mint_chain.accounts import AccountState
from mint_chain.addresses import TOKEN_PROGRAM
from mint_events.catalogue import CheckOutcome, Creator
from verifier.checks import solana
from verifier.checks.solana import AccountsSeen, TransactionSeen
from verifier.expectation import Expectation
from verifier.verdict import Verdict

CHECKS = {
    "mint": solana.mint_account,
    "token": solana.token_account,
    "metadata": solana.metadata_account,
    "edition": solana.master_edition,
}


def verdicts(expected: Expectation, seen: AccountsSeen) -> dict[str, Verdict]:
    return {name: check(expected, seen) for name, check in CHECKS.items()}


def finalized(expected: Expectation, *seen: TransactionSeen, denials: int = 1) -> Verdict:
    return solana.transaction_finalized(expected, seen, denials=denials)


def without(accounts: AccountsSeen, absent: str) -> AccountsSeen:
    changed: dict[str, Any] = {absent: None}
    return replace(accounts, **changed)


def failing(expected: Expectation, seen: AccountsSeen) -> set[str]:
    judged = verdicts(expected, seen)
    assert all(v.outcome is not CheckOutcome.INCONCLUSIVE for v in judged.values())
    return {name for name, v in judged.items() if v.outcome is CheckOutcome.FAILED}


@pytest.mark.requirement("VE-1")
def test_an_nft_as_it_should_be_passes_every_check(
    expected: Expectation, accounts: AccountsSeen
) -> None:
    assert failing(expected, accounts) == set()


@pytest.mark.requirement("VE-1")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Hero #2"),
        ("symbol", "EVIL"),
        ("uri", "ipfs://bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"),
        ("seller_fee_basis_points", 501),
        ("is_mutable", False),
        ("collection", "11111111111111111111111111111111"),
    ],
)
def test_a_field_of_the_metadata_that_differs_fails_that_check_alone(
    expected: Expectation, accounts: AccountsSeen, field: str, value: Any
) -> None:
    wanted = replace(expected, **{field: value})

    assert failing(wanted, accounts) == {"metadata"}
    evidence = solana.metadata_account(wanted, accounts).evidence[field]
    assert evidence == f"expected {value}, saw {getattr(expected, field)}"


@pytest.mark.requirement("VE-1")
def test_another_update_authority_fails_the_metadata_account(
    expected: Expectation, accounts: AccountsSeen, stranger: Pubkey
) -> None:
    assert failing(replace(expected, authority=stranger), accounts) == {"metadata"}


def test_other_creators_than_requested_fail_the_metadata_account(
    expected: Expectation, accounts: AccountsSeen, stranger: Pubkey
) -> None:
    wanted = replace(expected, creators=(Creator(address=str(stranger), share=100),))

    assert failing(wanted, accounts) == {"metadata"}


@pytest.mark.requirement("VE-1")
def test_a_token_in_another_wallet_fails_the_token_account_alone(
    expected: Expectation, accounts: AccountsSeen, stranger: Pubkey
) -> None:
    assert failing(replace(expected, wallet=stranger), accounts) == {"token"}


@pytest.mark.requirement("VE-1")
@pytest.mark.parametrize(("supply", "decimals"), [(2, 0), (0, 0), (1, 2)])
def test_a_token_that_is_not_unique_and_whole_fails_the_mint_account_alone(
    expected: Expectation, accounts: AccountsSeen, supply: int, decimals: int
) -> None:
    edition = expected.master_edition
    mint = Mint(edition, supply, decimals, True, edition)
    seen = replace(accounts, mint=AccountState(1, TOKEN_PROGRAM, bytes(mint)))

    assert failing(expected, seen) == {"mint"}


@pytest.mark.requirement("VE-1")
def test_a_mint_authority_that_could_make_more_fails_the_mint_account(
    expected: Expectation, accounts: AccountsSeen, stranger: Pubkey
) -> None:
    mint = Mint(stranger, 1, 0, True, None)
    seen = replace(accounts, mint=AccountState(1, TOKEN_PROGRAM, bytes(mint)))

    assert failing(expected, seen) == {"mint"}


@pytest.mark.requirement("VE-1")
@pytest.mark.parametrize("absent", list(CHECKS))
def test_an_account_that_is_absent_fails_its_check_alone(
    expected: Expectation, accounts: AccountsSeen, absent: str
) -> None:
    seen = without(accounts, absent)

    assert failing(expected, seen) == {absent}
    assert verdicts(expected, seen)[absent].evidence["account"] == "absent"


@pytest.mark.requirement("VE-5", "CH-5")
@pytest.mark.parametrize("absent", list(CHECKS))
def test_what_was_absent_before_the_slot_of_the_mint_is_undecided(
    expected: Expectation, accounts: AccountsSeen, absent: str
) -> None:
    seen = replace(without(accounts, absent), slot=expected.slot - 1)

    judged = verdicts(expected, seen)

    outcomes = {name for name, v in judged.items() if v.outcome is not CheckOutcome.PASSED}
    assert outcomes == {absent}
    assert judged[absent].outcome is CheckOutcome.INCONCLUSIVE
    assert "999" in judged[absent].evidence["waits_for"]


@pytest.mark.parametrize("foreign", list(CHECKS))
def test_an_account_of_another_program_fails_its_check_alone(
    expected: Expectation, accounts: AccountsSeen, stranger: Pubkey, foreign: str
) -> None:
    account = replace(getattr(accounts, foreign), owner=stranger)
    seen = replace(accounts, **{foreign: account})

    assert failing(expected, seen) == {foreign}
    assert f"owned by {stranger}" in verdicts(expected, seen)[foreign].evidence["account"]


def test_a_finalized_transaction_passes_with_its_slot(expected: Expectation) -> None:
    seen = TransactionSeen(endpoint="rpc", latest=1040, slot=1001, finalized=True)

    verdict = finalized(expected, seen)

    assert verdict.outcome is CheckOutcome.PASSED
    assert verdict.evidence["slot"] == "1001"


def test_a_transaction_that_is_not_yet_finalized_is_undecided(expected: Expectation) -> None:
    seen = TransactionSeen(endpoint="rpc", latest=990, slot=1001, finalized=False)

    assert finalized(expected, seen).outcome is CheckOutcome.INCONCLUSIVE


def test_a_finalized_transaction_that_the_chain_refused_fails(expected: Expectation) -> None:
    seen = TransactionSeen(
        endpoint="rpc", latest=1040, slot=1001, finalized=True, error="Custom(0)"
    )

    verdict = finalized(expected, seen)

    assert verdict.outcome is CheckOutcome.FAILED
    assert verdict.evidence["error"] == "Custom(0)"


@pytest.mark.parametrize(
    ("latest", "outcome"),
    [
        (999, CheckOutcome.INCONCLUSIVE),
        (1000 + solana.SLOTS_FOR_ANOTHER_FORK, CheckOutcome.INCONCLUSIVE),
        (1001 + solana.SLOTS_FOR_ANOTHER_FORK, CheckOutcome.FAILED),
    ],
)
def test_an_unknown_signature_fails_only_when_it_can_not_land_any_more(
    expected: Expectation, latest: int, outcome: CheckOutcome
) -> None:
    seen = TransactionSeen(endpoint="rpc", latest=latest)

    assert finalized(expected, seen).outcome is outcome


@pytest.mark.requirement("VE-5")
def test_that_a_transaction_failed_counts_only_when_enough_endpoints_say_so(
    expected: Expectation,
) -> None:
    refused = TransactionSeen(endpoint="a", latest=1040, slot=1001, finalized=True, error="no")
    unknown = TransactionSeen(endpoint="b", latest=1001 + solana.SLOTS_FOR_ANOTHER_FORK)
    landed = TransactionSeen(endpoint="c", latest=1040, slot=1001, finalized=True)

    assert finalized(expected, refused, denials=2).outcome is CheckOutcome.INCONCLUSIVE
    assert finalized(expected, refused, unknown, denials=2).outcome is CheckOutcome.FAILED
    assert finalized(expected, refused, unknown, landed, denials=2).outcome is CheckOutcome.PASSED

"""Solana: is the transaction final, and are the NFT's four accounts what they should be?

Sources: `getSignatureStatuses` and `getMultipleAccounts` of Solana's JSON-RPC reference; an NFT of
Token Metadata has supply 1, no decimals, and its master edition as mint authority.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from solders.pubkey import Pubkey

from mint_chain.accounts import (
    AccountState,
    decode_master_edition,
    decode_metadata,
    decode_mint,
    decode_token_account,
)
from mint_events.catalogue import CheckOutcome
from mint_resilience.failures import Conflict
from verifier.expectation import Expectation
from verifier.verdict import Verdict, compare, failed, passed, undecided

SLOTS_FOR_ANOTHER_FORK = 300
"""A transaction can land for 150 blocks; twice that past its slot, another fork can't hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionSeen:
    """What an endpoint knows of a signature: no slot means that it does not know it.

    `latest` is the endpoint's newest finalized slot, `error` what the program answered.
    """

    endpoint: str
    latest: int
    slot: int | None = None
    finalized: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsSeen:
    """The NFT's accounts at a finalized slot; None where there is none."""

    slot: int
    mint: AccountState | None
    token: AccountState | None
    metadata: AccountState | None
    edition: AccountState | None


def transaction_finalized(
    expected: Expectation, seen: Sequence[TransactionSeen], *, denials: int
) -> Verdict:
    """The transaction that made the NFT is finalized, and the chain accepted it.

    One endpoint is enough to say so; that it is not has to be said by `denials` of them.
    """
    said = [_transaction_finalized(expected, each) for each in seen]
    passes = [verdict for verdict in said if verdict.outcome is CheckOutcome.PASSED]
    failures = [verdict for verdict in said if verdict.outcome is CheckOutcome.FAILED]
    if passes or len(failures) >= denials:
        return (passes or failures)[0]
    heard = f"{len(failures)} of {denials} that have to agree say that it failed"
    return undecided(**said[0].evidence, heard=heard)


def _transaction_finalized(expected: Expectation, seen: TransactionSeen) -> Verdict:
    evidence = {"signature": expected.signature, "endpoint": seen.endpoint}
    if seen.slot is None:
        return _unknown_signature(expected, seen)
    if not seen.finalized:
        return undecided(**evidence, slot=seen.slot, waits_for="finalization")
    if seen.error is not None:
        return failed(**evidence, slot=seen.slot, error=seen.error)
    return passed(**evidence, slot=seen.slot)


def _unknown_signature(expected: Expectation, seen: TransactionSeen) -> Verdict:
    evidence = {
        "signature": expected.signature,
        "endpoint": seen.endpoint,
        "status": f"none; slot {expected.slot} was claimed, slot {seen.latest} is finalized",
    }
    gone = seen.latest > expected.slot + SLOTS_FOR_ANOTHER_FORK
    return failed(**evidence) if gone else undecided(**evidence)


def mint_account(expected: Expectation, seen: AccountsSeen) -> Verdict:
    """The token exists once, undivided, and only its master edition could make more."""
    wanted = {"supply": 1, "decimals": 0, "mint_authority": expected.master_edition}

    def look(account: AccountState) -> Verdict:
        found = decode_mint(account)
        return compare(
            wanted,
            {
                "supply": found.supply,
                "decimals": found.decimals,
                "mint_authority": found.mint_authority,
            },
        )

    return _present(expected, expected.mint, seen, seen.mint, look)


def token_account(expected: Expectation, seen: AccountsSeen) -> Verdict:
    """The user's wallet holds the token."""
    wanted = {"mint": expected.mint, "wallet": expected.wallet, "amount": 1}

    def look(account: AccountState) -> Verdict:
        found = decode_token_account(account)
        return compare(wanted, {"mint": found.mint, "wallet": found.wallet, "amount": found.amount})

    return _present(expected, expected.token_account, seen, seen.token, look)


def metadata_account(expected: Expectation, seen: AccountsSeen) -> Verdict:
    """The metadata account says what was requested, under our authority."""

    def look(account: AccountState) -> Verdict:
        found = decode_metadata(account)
        wanted = {
            "mint": expected.mint,
            "update_authority": expected.authority,
            "name": expected.name,
            "symbol": expected.symbol,
            "uri": expected.uri,
            "seller_fee_basis_points": expected.seller_fee_basis_points,
            "creators": _wanted_creators(expected),
            "is_mutable": expected.is_mutable,
            "collection": expected.collection,
        }
        return compare(
            wanted,
            {
                "mint": found.mint,
                "update_authority": found.update_authority,
                "name": found.name,
                "symbol": found.symbol,
                "uri": found.uri,
                "seller_fee_basis_points": found.seller_fee_basis_points,
                "creators": ", ".join(f"{c.address}: {c.share} %" for c in found.creators),
                "is_mutable": found.is_mutable,
                "collection": str(found.collection.mint) if found.collection else None,
            },
        )

    return _present(expected, expected.metadata_account, seen, seen.metadata, look)


def _wanted_creators(expected: Expectation) -> str:
    """The requested creators; without any, the authority alone (see `MintRequested.creators`)."""
    shares = [(c.address, c.share) for c in expected.creators] or [(str(expected.authority), 100)]
    return ", ".join(f"{address}: {share} %" for address, share in shares)


def master_edition(expected: Expectation, seen: AccountsSeen) -> Verdict:
    """The master edition exists and allows no prints."""

    def look(account: AccountState) -> Verdict:
        return compare({"max_supply": 0}, {"max_supply": decode_master_edition(account).max_supply})

    return _present(expected, expected.master_edition, seen, seen.edition, look)


def _present(
    expected: Expectation,
    address: Pubkey,
    seen: AccountsSeen,
    account: AccountState | None,
    look: Callable[[AccountState], Verdict],
) -> Verdict:
    """Judge an account that has to be there, unless it was looked at before the mint's slot."""
    found = _judged(account, look)
    if found.outcome is CheckOutcome.FAILED and seen.slot < expected.slot:
        behind = f"slot {expected.slot}: the endpoint is at {seen.slot}"
        return undecided(address=address, waits_for=behind)
    return Verdict(found.outcome, {"address": str(address), **found.evidence})


def _judged(account: AccountState | None, look: Callable[[AccountState], Verdict]) -> Verdict:
    """One that does not decode is another's account."""
    if account is None:
        return failed(account="absent")
    try:
        return look(account)
    except Conflict as conflict:
        return failed(account=conflict)

"""Given a mint's expectation, when a partner looks with wallet and authority, then this is said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from solders.pubkey import Pubkey

from mint_events.catalogue import CheckOutcome
from verifier.checks.partner import NftSeen, PartnerSeen, partner_endpoint, partner_flow
from verifier.expectation import Expectation

SLOT = 2000


@pytest.fixture
def nft(expected: Expectation) -> NftSeen:
    return NftSeen(mint=expected.mint, name=expected.name, uri=expected.uri)


@pytest.mark.requirement("VE-3")
def test_a_partner_who_finds_the_level_passes(
    expected: Expectation, nft: NftSeen, document: bytes, stranger: Pubkey
) -> None:
    other = replace(nft, mint=stranger)

    verdict = partner_flow(expected, PartnerSeen(slot=SLOT, nfts=[other, nft], document=document))

    assert verdict.outcome is CheckOutcome.PASSED


@pytest.mark.requirement("VE-3")
def test_a_partner_who_does_not_find_the_nft_fails_and_says_what_is_there(
    expected: Expectation, nft: NftSeen, stranger: Pubkey
) -> None:
    other = replace(nft, mint=stranger)

    verdict = partner_flow(expected, PartnerSeen(slot=SLOT, nfts=[other], document=None))

    assert verdict.outcome is CheckOutcome.FAILED
    assert str(stranger) in verdict.evidence["nft"]


@pytest.mark.requirement("VE-5", "CH-5")
def test_that_nothing_was_there_before_the_mint_says_nothing(expected: Expectation) -> None:
    seen = PartnerSeen(slot=expected.slot - 1, nfts=[], document=None)

    assert partner_flow(expected, seen).outcome is CheckOutcome.INCONCLUSIVE


@pytest.mark.requirement("VE-3")
def test_a_partner_who_finds_no_document_fails(expected: Expectation, nft: NftSeen) -> None:
    verdict = partner_flow(expected, PartnerSeen(slot=SLOT, nfts=[nft], document=None))

    assert verdict.outcome is CheckOutcome.FAILED


@pytest.mark.requirement("VE-3")
def test_a_partner_who_reads_another_level_fails(
    expected: Expectation, nft: NftSeen, document: bytes
) -> None:
    verdict = partner_flow(
        replace(expected, level=9), PartnerSeen(slot=SLOT, nfts=[nft], document=document)
    )

    assert verdict.outcome is CheckOutcome.FAILED


@pytest.mark.requirement("VE-3")
@pytest.mark.parametrize(("level", "outcome"), [(7, "passed"), (8, "failed"), (None, "failed")])
def test_a_partners_own_endpoint_has_to_give_the_level(
    expected: Expectation, level: int | None, outcome: str
) -> None:
    assert partner_endpoint(expected, level).outcome == outcome

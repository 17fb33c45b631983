"""The expectation follows from the mint_id and our own authority, not from what events claim."""

from __future__ import annotations

from dataclasses import replace

import pytest
from solders.pubkey import Pubkey

from mint_chain.addresses import mint_address
from mint_events.catalogue import MintConfirmed
from mint_resilience.failures import Permanent
from verifier.expectation import expectation


def test_addresses_are_derived_again_whatever_the_event_says(
    confirmed: MintConfirmed, authority: Pubkey, stranger: Pubkey
) -> None:
    claims = replace(
        confirmed,
        mint_address=str(stranger),
        prepared=replace(confirmed.prepared, authority=str(stranger), mint_address=str(stranger)),
    )

    derived = expectation(claims, authority)

    assert derived.mint == mint_address(authority, confirmed.mint_id)
    assert derived.authority == authority


@pytest.mark.parametrize("uri", ["https://example.org/1.json", "ipfs://not-a-cid"])
def test_a_uri_that_names_no_content_is_refused(
    confirmed: MintConfirmed, authority: Pubkey, uri: str
) -> None:
    claims = replace(confirmed, prepared=replace(confirmed.prepared, uri=uri))

    with pytest.raises(Permanent, match=r"IPFS address|not a CID|base32"):
        expectation(claims, authority)

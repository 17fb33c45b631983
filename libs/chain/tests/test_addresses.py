from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.token.associated import get_associated_token_address

from mint_chain.addresses import (
    edition_address,
    metadata_address,
    mint_address,
    mint_seed,
    parse_address,
    parse_wallet,
    token_account_address,
)
from mint_resilience.failures import Permanent

AUTHORITY = Pubkey.from_string("4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4T")


@pytest.mark.requirement("CH-1")
def test_the_mint_address_of_an_authority_and_a_mint_id_never_changes() -> None:
    assert str(mint_address(AUTHORITY, "order-1")) == "DFSr4JhNHgWoYLdtX2CWEhnorbCt28PL3daccEjrzpRw"


@pytest.mark.requirement("CH-1")
@given(st.text(min_size=1, max_size=128), st.text(min_size=1, max_size=128))
def test_two_mint_ids_have_two_addresses(one: str, other: str) -> None:
    same = mint_address(AUTHORITY, one) == mint_address(AUTHORITY, other)

    assert same == (one == other)


def test_a_seed_is_as_long_as_the_chain_allows() -> None:
    assert len(mint_seed("order-1")) == 32


def test_another_authority_has_another_address() -> None:
    assert mint_address(AUTHORITY, "a") != mint_address(Keypair().pubkey(), "a")


def test_the_token_account_is_the_associated_one() -> None:
    wallet, mint = Keypair().pubkey(), Keypair().pubkey()

    assert token_account_address(wallet, mint) == get_associated_token_address(wallet, mint)


def test_metadata_and_edition_lie_off_the_curve_and_apart() -> None:
    addresses = {metadata_address(AUTHORITY), edition_address(AUTHORITY)}

    assert len(addresses) == 2
    assert not any(address.is_on_curve() for address in addresses)


@pytest.mark.requirement("MF-2")
def test_a_wallet_is_an_address_on_the_curve() -> None:
    wallet = Keypair().pubkey()

    assert parse_wallet(str(wallet)) == wallet


@pytest.mark.requirement("MF-2")
def test_a_program_derived_address_is_no_wallet() -> None:
    with pytest.raises(Permanent, match="off the ed25519 curve"):
        parse_wallet(str(metadata_address(AUTHORITY)))


@pytest.mark.requirement("MF-2")
@pytest.mark.parametrize("text", ["", "no-address", "0" * 44, str(AUTHORITY)[:-2], "é"])
def test_what_is_no_address_is_named_in_the_error(text: str) -> None:
    with pytest.raises(Permanent, match="is not a Solana address"):
        parse_address(text)

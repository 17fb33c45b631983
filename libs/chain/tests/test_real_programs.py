"""What the instructions do on the real SPL Token and Token Metadata programs, in LiteSVM."""

from __future__ import annotations

import pytest
from solders.keypair import Keypair

from mint_chain.accounts import (
    MasterEdition,
    Metadata,
    StoredCollection,
    StoredCreator,
    TokenHolding,
    TokenMint,
    decode_token_account,
)
from mint_chain.addresses import token_account_address
from mint_chain.nft import Collection, CreatorShare, OnChain

from .programs import LARGEST, MINT_RENT, Chain, five_creators


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.mark.requirement("CH-9")
def test_one_transaction_makes_a_whole_nft(chain: Chain) -> None:
    nft = chain.nft("mint-1")

    assert chain.land(chain.steps(nft)) is None

    there = chain.observe(nft)
    assert there.mint == TokenMint(
        mint_authority=nft.edition, supply=1, decimals=0, freeze_authority=nft.edition
    )
    assert there.edition == MasterEdition(supply=0, max_supply=0)
    assert there.metadata == Metadata(
        update_authority=nft.authority,
        mint=nft.mint,
        name=nft.name,
        symbol=nft.symbol,
        uri=nft.uri,
        seller_fee_basis_points=500,
        creators=(StoredCreator(address=nft.authority, verified=True, share=100),),
        primary_sale_happened=False,
        is_mutable=True,
        token_standard=0,
        collection=None,
        uses=None,
        sized=False,
    )
    assert chain.steps(nft) == []


@pytest.mark.requirement("CH-9")
def test_the_wallet_holds_the_token(chain: Chain) -> None:
    nft = chain.nft("mint-1")

    chain.land(chain.steps(nft))

    account = chain.account(token_account_address(nft.wallet, nft.mint))
    assert account is not None
    assert decode_token_account(account) == TokenHolding(
        mint=nft.mint, wallet=nft.wallet, amount=1, frozen=False
    )


@pytest.mark.requirement("CH-1")
@pytest.mark.parametrize("lamports_seen", [0, 5])
def test_a_second_creation_fails_whatever_the_client_believes(
    chain: Chain, lamports_seen: int
) -> None:
    nft = chain.nft("mint-1")
    outdated = chain.steps(nft, OnChain(lamports=lamports_seen))
    chain.land(chain.steps(nft))

    error = chain.land(outdated, price=2000)

    assert error is not None
    assert "Custom(0)" in error  # SystemError::AccountAlreadyInUse
    there = chain.observe(nft)
    assert there.mint is not None
    assert there.mint.supply == 1


@pytest.mark.requirement("CH-1")
@pytest.mark.parametrize("lamports", [890_880, MINT_RENT, 10 * MINT_RENT])
def test_an_address_that_a_stranger_has_funded_still_works(chain: Chain, lamports: int) -> None:
    nft = chain.nft("mint-1")
    chain.fund(nft.mint, lamports)

    assert chain.land(chain.steps(nft)) is None

    assert chain.steps(nft) == []
    assert chain.observe(nft).lamports == max(lamports, MINT_RENT)


@pytest.mark.requirement("CH-1")
def test_the_largest_nft_on_a_funded_address_takes_two_transactions(chain: Chain) -> None:
    nft = chain.nft("mint-1", **LARGEST, creators=five_creators(chain.authority.pubkey()))
    chain.fund(nft.mint, 890_880)

    assert chain.land(chain.steps(nft)) is None
    assert chain.observe(nft).metadata is None
    assert chain.land(chain.steps(nft)) is None

    assert chain.steps(nft) == []


@pytest.mark.requirement("CH-10")
def test_a_token_without_metadata_is_completed_rather_than_minted_again(chain: Chain) -> None:
    nft = chain.nft("mint-1")
    token_only, *rest = chain.steps(nft)
    chain.land([token_only])

    missing = chain.steps(nft)

    assert missing == rest
    assert chain.land(missing) is None
    assert chain.steps(nft) == []


@pytest.mark.requirement("CH-9")
def test_among_the_creators_only_the_authority_is_verified(chain: Chain) -> None:
    creators = five_creators(chain.authority.pubkey())
    nft = chain.nft("mint-1", **LARGEST, creators=creators)

    assert chain.land(chain.steps(nft)) is None

    metadata = chain.observe(nft).metadata
    assert metadata is not None
    assert [creator.verified for creator in metadata.creators] == [True] + 4 * [False]
    assert (metadata.name, metadata.symbol, metadata.uri) == tuple(LARGEST.values())


@pytest.mark.requirement("CH-9")
def test_creators_without_the_authority_are_all_unverified(chain: Chain) -> None:
    stranger = CreatorShare(address=Keypair().pubkey(), share=100)
    nft = chain.nft("mint-1", creators=(stranger,))

    assert chain.land(chain.steps(nft)) is None

    metadata = chain.observe(nft).metadata
    assert metadata is not None
    assert metadata.creators == (
        StoredCreator(address=stranger.address, verified=False, share=100),
    )


@pytest.mark.requirement("CH-9")
def test_an_nft_is_a_verified_member_of_a_collection_of_the_same_authority(chain: Chain) -> None:
    parent = chain.nft("collection")
    chain.land(chain.steps(parent))
    collection = Collection(mint=parent.mint, verify=True, sized=False)
    nft = chain.nft("mint-1", collection=collection)

    assert chain.land(chain.steps(nft)) is None

    metadata = chain.observe(nft).metadata
    assert metadata is not None
    assert metadata.collection == StoredCollection(mint=parent.mint, verified=True)
    assert chain.steps(nft) == []


@pytest.mark.requirement("CH-9")
def test_a_member_of_a_strangers_collection_stays_unverified(chain: Chain) -> None:
    stranger = Collection(mint=Keypair().pubkey(), verify=False, sized=False)
    nft = chain.nft("mint-1", collection=stranger)

    assert chain.land(chain.steps(nft)) is None

    metadata = chain.observe(nft).metadata
    assert metadata is not None
    assert metadata.collection == StoredCollection(mint=stranger.mint, verified=False)


def test_an_immutable_nft_says_so(chain: Chain) -> None:
    nft = chain.nft("mint-1", is_mutable=False)

    chain.land(chain.steps(nft))

    metadata = chain.observe(nft).metadata
    assert metadata is not None
    assert not metadata.is_mutable

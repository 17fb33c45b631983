"""What the instructions do on the real SPL Token and Token Metadata programs, in LiteSVM."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import pytest
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.transaction import Transaction
from solders.transaction_metadata import FailedTransactionMetadata

from mint_chain.accounts import (
    AccountState,
    MasterEdition,
    Metadata,
    StoredCollection,
    StoredCreator,
    TokenHolding,
    TokenMint,
    decode_token_account,
)
from mint_chain.addresses import TOKEN_METADATA_PROGRAM, token_account_address
from mint_chain.instructions import Step, missing_steps
from mint_chain.nft import Collection, CreatorShare, Nft, OnChain, observe, parts_of
from mint_chain.transaction import sign
from mint_sandbox.solana import token_metadata_program

_UNITS = 300_000
_MINT_RENT = 1_461_600
_LARGEST = {"name": "n" * 32, "symbol": "s" * 10, "uri": "u" * 200}


class Chain:
    """A chain of its own per test, with a funded authority."""

    def __init__(self) -> None:
        self.vm = LiteSVM()
        self.vm.add_program(TOKEN_METADATA_PROGRAM, token_metadata_program(os.environ))
        self.authority = Keypair()
        self.fund(self.authority.pubkey(), 10**12)

    def fund(self, address: Pubkey, lamports: int) -> None:
        self.vm.airdrop(address, lamports)

    def account(self, address: Pubkey) -> AccountState | None:
        found = self.vm.get_account(address)
        return AccountState(found.lamports, found.owner, found.data) if found else None

    def observe(self, nft: Nft) -> OnChain:
        return observe(*map(self.account, parts_of(nft.mint)))

    def nft(self, mint_id: str, **changes: Any) -> Nft:
        wanted = {
            "authority": self.authority.pubkey(),
            "wallet": Keypair().pubkey(),
            "name": "Level 7",
            "symbol": "TRM",
            "uri": "ipfs://bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
            "seller_fee_basis_points": 500,
            "creators": (),
            "collection": None,
            "is_mutable": True,
        }
        return Nft(**{"mint_id": mint_id, **wanted, **changes})

    def steps(self, nft: Nft, there: OnChain | None = None) -> list[Step]:
        return missing_steps(nft, there or self.observe(nft), rent=_MINT_RENT)

    def land(self, steps: Sequence[Step], *, price: int = 1000) -> str | None:
        """Sign with a fresh blockhash and send; the program's error, or None when it landed."""
        self.vm.expire_blockhash()
        blockhash = self.vm.latest_blockhash()
        signed = sign(steps, self.authority, blockhash, units=_UNITS, price=price)
        result = self.vm.send_transaction(Transaction.from_bytes(signed.raw))
        return str(result.err()) if isinstance(result, FailedTransactionMetadata) else None


def five_creators(authority: Pubkey) -> tuple[CreatorShare, ...]:
    strangers = [Keypair().pubkey() for _ in range(4)]
    return tuple(CreatorShare(address=creator, share=20) for creator in (authority, *strangers))


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
@pytest.mark.parametrize("lamports", [890_880, _MINT_RENT, 10 * _MINT_RENT])
def test_an_address_that_a_stranger_has_funded_still_works(chain: Chain, lamports: int) -> None:
    nft = chain.nft("mint-1")
    chain.fund(nft.mint, lamports)

    assert chain.land(chain.steps(nft)) is None

    assert chain.steps(nft) == []
    assert chain.observe(nft).lamports == max(lamports, _MINT_RENT)


@pytest.mark.requirement("CH-1")
def test_the_largest_nft_on_a_funded_address_takes_two_transactions(chain: Chain) -> None:
    nft = chain.nft("mint-1", **_LARGEST, creators=five_creators(chain.authority.pubkey()))
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
    nft = chain.nft("mint-1", **_LARGEST, creators=creators)

    assert chain.land(chain.steps(nft)) is None

    metadata = chain.observe(nft).metadata
    assert metadata is not None
    assert [creator.verified for creator in metadata.creators] == [True] + 4 * [False]
    assert (metadata.name, metadata.symbol, metadata.uri) == tuple(_LARGEST.values())


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

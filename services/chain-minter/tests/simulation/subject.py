"""The NFT that a run is about, as the product's types have it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from solders.keypair import Keypair

from mint_chain.accounts import MasterEdition, Metadata, TokenMint
from mint_chain.addresses import mint_address
from mint_chain.nft import Nft, OnChain
from mint_events.catalogue import MintPrepared

from .ledger import EDITION, METADATA, MINT, URI

MINT_ID = "mint-1"
FIRST_URI = "ipfs://metadata"
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
AUTHORITY = Keypair.from_seed(bytes(32)).pubkey()
WALLET = Keypair.from_seed(bytes([1] * 32)).pubkey()
WHOLE = frozenset({MINT, METADATA, EDITION})
_MINT = TokenMint(mint_authority=None, supply=1, decimals=0, freeze_authority=None)
_EDITION = MasterEdition(supply=0, max_supply=0)


@lru_cache
def nft_of(mint_id: str) -> Nft:
    return Nft(
        mint_id=mint_id,
        authority=AUTHORITY,
        wallet=WALLET,
        name="Level 7",
        symbol="TRM",
        uri=FIRST_URI,
        seller_fee_basis_points=0,
        creators=(),
        collection=None,
        is_mutable=True,
    )


@lru_cache
def prepared_of(mint_id: str) -> MintPrepared:
    return MintPrepared(
        mint_id=mint_id,
        user_id="user",
        fencing_token=1,
        authority=str(AUTHORITY),
        mint_address=str(mint_address(AUTHORITY, mint_id)),
        wallet=str(WALLET),
        name="Level 7",
        symbol="TRM",
        uri=FIRST_URI,
        level=7,
        seller_fee_basis_points=0,
        creators=(),
        collection=None,
        is_mutable=True,
        image_cid="image",
        image_sha256="0",
        metadata_cid="metadata",
    )


@lru_cache
def on_chain(parts: frozenset[str]) -> OnChain:
    return OnChain(
        mint=_MINT if MINT in parts else None,
        metadata=_metadata(_uri(parts)) if METADATA in parts else None,
        edition=_EDITION if EDITION in parts else None,
    )


def _uri(parts: frozenset[str]) -> str:
    named = (part.removeprefix(URI) for part in parts if part.startswith(URI))
    return next(named, FIRST_URI)


def _metadata(uri: str) -> Metadata:
    return Metadata(
        update_authority=AUTHORITY,
        mint=AUTHORITY,
        name="Level 7",
        symbol="TRM",
        uri=uri,
        seller_fee_basis_points=0,
        creators=(),
        primary_sale_happened=False,
        is_mutable=True,
        token_standard=0,
        collection=None,
        uses=None,
        sized=False,
    )

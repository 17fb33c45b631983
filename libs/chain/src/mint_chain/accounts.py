"""What the accounts of an NFT say, decoded strictly: other owners, kinds and sizes are refused.

Every decoder raises `Conflict` with the address's role and what is wrong: the account holds
something other than what the product puts there.

Sources: SPL Token's `Mint` (82 bytes) and `Account` (165 bytes); Token Metadata's `Metadata`
(key 4) and `MasterEditionV2` (key 6).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from solders.pubkey import Pubkey
from solders.token.state import Mint, TokenAccount, TokenAccountState

from mint_chain.addresses import TOKEN_METADATA_PROGRAM, TOKEN_PROGRAM
from mint_chain.borsh import Reader
from mint_resilience.failures import Conflict

T = TypeVar("T")

MINT_BYTES: Final = 82
TOKEN_ACCOUNT_BYTES: Final = 165
_METADATA_KEY = 4
_MASTER_EDITION_KEY = 6


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account as the chain holds it: lamports, the program that owns it, and its data."""

    lamports: int
    owner: Pubkey
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenMint:
    """A token mint; an NFT has supply 1 and no decimals."""

    mint_authority: Pubkey | None
    supply: int
    decimals: int
    freeze_authority: Pubkey | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenHolding:
    """A token account: who holds how much of which mint."""

    mint: Pubkey
    wallet: Pubkey
    amount: int
    frozen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCreator:
    """A creator on chain; verified only if it has signed."""

    address: Pubkey
    verified: bool
    share: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCollection:
    """The collection an NFT claims to belong to; true only if verified by its authority."""

    mint: Pubkey
    verified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredUses:
    """How often an NFT may be used, and how often it still may."""

    method: int
    remaining: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """A Token Metadata account.

    `sized` is true for the parent of a sized collection: it has collection details.
    """

    update_authority: Pubkey
    mint: Pubkey
    name: str
    symbol: str
    uri: str
    seller_fee_basis_points: int
    creators: tuple[StoredCreator, ...]
    primary_sale_happened: bool
    is_mutable: bool
    token_standard: int | None
    collection: StoredCollection | None
    uses: StoredUses | None
    sized: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterEdition:
    """A master edition; an NFT of which no prints may be made has `max_supply` 0."""

    supply: int
    max_supply: int | None


def decode_mint(account: AccountState) -> TokenMint:
    """Decode an initialized token mint."""
    _require(account, "mint account", TOKEN_PROGRAM, MINT_BYTES)
    mint = _unpacked(Mint.from_bytes, account.data, "mint account")
    return TokenMint(
        mint_authority=mint.mint_authority,
        supply=mint.supply,
        decimals=mint.decimals,
        freeze_authority=mint.freeze_authority,
    )


def decode_token_account(account: AccountState) -> TokenHolding:
    """Decode an initialized token account."""
    _require(account, "token account", TOKEN_PROGRAM, TOKEN_ACCOUNT_BYTES)
    holding = _unpacked(TokenAccount.from_bytes, account.data, "token account")
    return TokenHolding(
        mint=holding.mint,
        wallet=holding.owner,
        amount=holding.amount,
        frozen=holding.state == TokenAccountState.Frozen,
    )


def decode_metadata(account: AccountState) -> Metadata:
    """Decode a Token Metadata account."""
    read = _metadata_reader(account, "metadata account", _METADATA_KEY)
    return Metadata(
        update_authority=read.address(),
        mint=read.address(),
        name=read.string(),
        symbol=read.string(),
        uri=read.string(),
        seller_fee_basis_points=read.u16(),
        creators=read.option(lambda: read.vector(lambda: _creator(read))) or (),
        primary_sale_happened=read.boolean(),
        is_mutable=read.boolean(),
        token_standard=_token_standard(read),
        collection=read.option(lambda: _collection(read)),
        uses=read.option(lambda: _uses(read)),
        sized=read.option(read.u8) is not None,
    )


def decode_master_edition(account: AccountState) -> MasterEdition:
    """Decode a master edition."""
    read = _metadata_reader(account, "master edition", _MASTER_EDITION_KEY)
    return MasterEdition(supply=read.u64(), max_supply=read.option(read.u64))


def _creator(read: Reader) -> StoredCreator:
    return StoredCreator(address=read.address(), verified=read.boolean(), share=read.u8())


def _collection(read: Reader) -> StoredCollection:
    verified = read.boolean()
    return StoredCollection(mint=read.address(), verified=verified)


def _token_standard(read: Reader) -> int | None:
    """The token standard, which the edition's bump (a field nobody needs) precedes."""
    read.option(read.u8)
    return read.option(read.u8)


def _uses(read: Reader) -> StoredUses:
    return StoredUses(method=read.u8(), remaining=read.u64(), total=read.u64())


def _metadata_reader(account: AccountState, role: str, key: int) -> Reader:
    """A reader behind the first byte, which says what kind of account it is."""
    _require(account, role, TOKEN_METADATA_PROGRAM)
    read = Reader(account.data, of=role)
    found = read.u8()
    if found != key:
        raise Conflict(f"{role}: kind (first byte) is {found}, expected {key}")
    return read


def _require(account: AccountState, role: str, owner: Pubkey, size: int | None = None) -> None:
    if account.owner != owner:
        raise Conflict(f"{role}: owned by {account.owner}, expected {owner}")
    if size is not None and len(account.data) != size:
        raise Conflict(f"{role}: {len(account.data)} bytes, expected {size}")


def _unpacked(unpack: Callable[[bytes], T], data: bytes, role: str) -> T:
    try:
        return unpack(data)
    except ValueError as error:
        raise Conflict(f"{role}: not initialized or not valid ({error})") from error

"""The NFT that is to be made, and what of it is on chain already."""

from __future__ import annotations

from dataclasses import dataclass

from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM

from mint_chain.accounts import (
    AccountState,
    MasterEdition,
    Metadata,
    TokenMint,
    decode_master_edition,
    decode_metadata,
    decode_mint,
)
from mint_chain.addresses import edition_address, metadata_address, mint_address, mint_seed


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatorShare:
    """A creator and its percentage of the royalties."""

    address: Pubkey
    share: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """The collection an NFT joins.

    `verify` is true when the authority is the collection's too, and so can vouch for the member;
    `sized` when the collection counts its members, which takes another instruction.
    """

    mint: Pubkey
    verify: bool
    sized: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Nft:
    """One NFT to be made; its addresses follow from `authority` and `mint_id`.

    No creators means the authority alone with 100 percent. The authority is a verified creator
    where it is among them, since it signs; nobody else can be.
    """

    mint_id: str
    authority: Pubkey
    wallet: Pubkey
    name: str
    symbol: str
    uri: str
    seller_fee_basis_points: int
    creators: tuple[CreatorShare, ...]
    collection: Collection | None
    is_mutable: bool

    @property
    def seed(self) -> str:
        """Seed of the mint account's address."""
        return mint_seed(self.mint_id)

    @property
    def mint(self) -> Pubkey:
        """Address of the mint account."""
        return mint_address(self.authority, self.mint_id)

    @property
    def metadata(self) -> Pubkey:
        """Address of the metadata account."""
        return metadata_address(self.mint)

    @property
    def edition(self) -> Pubkey:
        """Address of the master edition."""
        return edition_address(self.mint)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnChain:
    """What of an NFT is on chain; `lamports` is what its mint's address holds."""

    lamports: int = 0
    mint: TokenMint | None = None
    metadata: Metadata | None = None
    edition: MasterEdition | None = None


ABSENT = OnChain()


def parts_of(mint: Pubkey) -> tuple[Pubkey, Pubkey, Pubkey]:
    """The addresses whose accounts `observe` takes, in its order."""
    return mint, metadata_address(mint), edition_address(mint)


def observe(
    mint: AccountState | None, metadata: AccountState | None, edition: AccountState | None
) -> OnChain:
    """Read what is there of an NFT.

    An address that merely holds lamports (anyone can send some) counts as absent. Raises
    `Conflict` when an account is there and is not what it should be.
    """
    mint_made, metadata_made, edition_made = _made(mint), _made(metadata), _made(edition)
    return OnChain(
        lamports=mint.lamports if mint else 0,
        mint=decode_mint(mint_made) if mint_made else None,
        metadata=decode_metadata(metadata_made) if metadata_made else None,
        edition=decode_master_edition(edition_made) if edition_made else None,
    )


def _made(account: AccountState | None) -> AccountState | None:
    """The account, unless it is one that nobody has created: no data, owned by the system."""
    if account is None or (account.owner == SYSTEM_PROGRAM and not account.data):
        return None
    return account

"""What is to be on chain in the end: a whole NFT, or one that names another URI. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from solders.pubkey import Pubkey

from chain_minter.confirmation import Found
from mint_chain.addresses import metadata_address
from mint_chain.instructions import Step, missing_steps
from mint_chain.nft import Nft, OnChain
from mint_chain.update import set_uri
from mint_resilience.failures import Permanent


class Goal(Protocol):
    """What a flight brings about."""

    @property
    def mint_id(self) -> str:
        """Of the mint that it is a goal of."""
        ...

    @property
    def mint(self) -> Pubkey:
        """Address of the NFT's mint account."""
        ...

    @property
    def authority(self) -> Pubkey:
        """Who signs and pays."""
        ...

    @property
    def uri(self) -> str | None:
        """The URI that is to be set; None when the NFT is to be made."""
        ...

    @property
    def since_slot(self) -> int:
        """What was read before this slot says nothing."""
        ...

    @property
    def lasts(self) -> bool:
        """Whether it stays once it is there: then whoever has seen it can be believed."""
        ...

    def missing(self, there: OnChain, *, rent: int) -> Sequence[Step]:
        """What is to be done, `rent` being the lamports that exempt a mint account from rent.

        Raises `Permanent` when it can not be done with what is there.
        """
        ...

    def found(self, there: OnChain) -> Found:
        """How much of it is there."""
        ...


@dataclass(frozen=True, slots=True)
class WholeNft:
    """The NFT with its token, metadata, edition and membership; once it is there, it stays."""

    nft: Nft

    @property
    def mint_id(self) -> str:
        """Of the mint that it is the goal of."""
        return self.nft.mint_id

    @property
    def mint(self) -> Pubkey:
        """Address of the NFT's mint account."""
        return self.nft.mint

    @property
    def authority(self) -> Pubkey:
        """Who makes the NFT."""
        return self.nft.authority

    @property
    def uri(self) -> str | None:
        """None: no other URI than the one it is made with."""
        return None

    @property
    def since_slot(self) -> int:
        """Nothing is known of it before."""
        return 0

    @property
    def lasts(self) -> bool:
        """Nobody can take apart what was made."""
        return True

    def missing(self, there: OnChain, *, rent: int) -> Sequence[Step]:
        """All of it, or what completes it."""
        return missing_steps(self.nft, there, rent=rent)

    def found(self, there: OnChain) -> Found:
        """Absent as long as its mint account is."""
        if there.mint is None:
            return Found.ABSENT
        return Found.PART if self.missing(there, rent=0) else Found.WHOLE


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUri:
    """An NFT that is there names this URI. It is never found absent: so nothing is made of it, and
    everybody is asked before it is changed. Who reads behind `since_slot` may see an older URI."""

    mint_id: str
    mint: Pubkey
    authority: Pubkey
    uri: str
    since_slot: int

    @property
    def lasts(self) -> bool:
        """Another URI may take its place: who has read last is believed."""
        return False

    @property
    def metadata(self) -> Pubkey:
        """Address of the metadata account."""
        return metadata_address(self.mint)

    def missing(self, there: OnChain, *, rent: int) -> Sequence[Step]:
        """The change of the URI, and of nothing else.

        Raises `Permanent` when there is no metadata account, or it can not be changed by us.
        """
        del rent
        metadata = there.metadata
        if metadata is None:
            raise Permanent(
                f"there is no metadata account of {self.mint}: see that it is completed"
            )
        if not metadata.is_mutable:
            raise Permanent(
                f"the metadata account of {self.mint} is immutable and names {metadata.uri} for"
                " ever: bring back what was there"
            )
        if metadata.update_authority != self.authority:
            raise Permanent(
                f"the metadata account of {self.mint} is {metadata.update_authority}'s to update,"
                f" not {self.authority}'s: let its owner set the URI"
            )
        return [set_uri(self.mint, metadata, self.uri)]

    def found(self, there: OnChain) -> Found:
        """Whole when the metadata name the URI."""
        metadata = there.metadata
        return Found.WHOLE if metadata and metadata.uri == self.uri else Found.PART

"""The chain as a flight needs it: a port, and what crosses it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature

from chain_minter.confirmation import Glance, Status
from mint_chain.nft import OnChain


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one endpoint says of a signature (its history searched) and of an NFT.

    `finalized_height` is the block height at `finalized_slot`; what is said of signature and NFT
    holds at `read_slot` or later. Behind one URL may be many nodes, so it may be the older one.
    `blockhash_gone` is said only when all are asked.
    """

    endpoint: str
    status: Status | None
    finalized_height: int
    finalized_slot: int
    read_slot: int
    there: OnChain
    blockhash_gone: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction by its signature, and the blockhash in it."""

    signature: Signature
    blockhash: Hash


@dataclass(frozen=True, slots=True)
class Landed:
    """A transaction that succeeded."""

    signature: Signature
    slot: int


class Chain(Protocol):
    """Reads and sends through the endpoints; every method raises classified failures."""

    async def glance(self, signature: Signature) -> Glance:
        """Status as a node remembers it, and the finalized block height."""
        ...

    async def look(self, mint: Pubkey, sent: Sent | None) -> Report:
        """A closer look through the first endpoint that answers, at commitment confirmed."""
        ...

    async def look_everywhere(self, mint: Pubkey, sent: Sent | None) -> list[Report]:
        """What every healthy endpoint says, each asked for itself, with its whole history.

        An endpoint that merely lags is asked too: who lags is judged from what all of them say.
        An endpoint that is there but does not answer makes it raise: it may know better.
        """
        ...

    async def send(self, raw: bytes, *, skip: int, taken: Callable[[], None]) -> None:
        """Hand a signed transaction to the endpoint `skip` places down, or one after it.

        `taken` is called when one has tried it, or may have: not while nobody is there, all want
        fewer calls, or do not know its blockhash (any more). Raises `Refused` when its simulation
        fails there; it says nothing about earlier sendings.
        """
        ...

    async def uri_set(self, mint: Pubkey, uri: str) -> Landed | None:
        """The newest transaction that gave the NFT this URI; None when no history tells it."""
        ...

    async def landed(self, mint: Pubkey, payer: Pubkey) -> Landed:
        """The transaction that made the NFT whole. Raises `Transient` when nobody knows it yet."""
        ...

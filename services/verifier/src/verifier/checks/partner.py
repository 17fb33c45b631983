"""The partner: does somebody who knows only the wallet and the authority find the level?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from solders.pubkey import Pubkey

from verifier.checks.ipfs import level_of_document
from verifier.expectation import Expectation
from verifier.verdict import Verdict, compare, failed, undecided


@dataclass(frozen=True, slots=True, kw_only=True)
class NftSeen:
    """An NFT that a partner found in a wallet, by the metadata account of its mint."""

    mint: Pubkey
    name: str
    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerSeen:
    """What the partner flow came to: the authority's NFTs in the wallet, and one's document.

    `slot` is the finalized slot at which the RPC endpoint saw the wallet.
    """

    slot: int
    nfts: Sequence[NftSeen]
    document: bytes | None


def partner_flow(expected: Expectation, seen: PartnerSeen) -> Verdict:
    """The NFT is among those found, and its document gives the requested level."""
    if expected.mint not in {nft.mint for nft in seen.nfts}:
        return _not_found(expected, seen)
    if seen.document is None:
        return failed(document="expected the metadata JSON, saw none at the NFT's URI")
    return level_of_document(expected, seen.document)


def _not_found(expected: Expectation, seen: PartnerSeen) -> Verdict:
    """Not there, unless that was before the mint's slot."""
    if seen.slot < expected.slot:
        return undecided(waits_for=f"slot {expected.slot}: the endpoint is at {seen.slot}")
    found = ", ".join(str(nft.mint) for nft in seen.nfts) or "none"
    return failed(nft=f"expected {expected.mint} in wallet {expected.wallet}, saw {found}")


def partner_endpoint(expected: Expectation, level: int | None) -> Verdict:
    """The partner's own endpoint answers with the requested level."""
    return compare({"level": expected.level}, {"level": level})

"""From what is missing of an NFT to a signed transaction, with its blockhash, price and limit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from math import inf
from typing import Protocol

from solders.hash import Hash
from solders.pubkey import Pubkey

from chain_minter.authority import Authorities, Authority
from chain_minter.batching import Shared
from chain_minter.fees import MAX_UNITS, Pricing, unit_limit
from chain_minter.goals import Goal, NewUri
from chain_minter.rpc import Refused
from chain_minter.solana import Solana
from chain_minter.submission import Submission
from mint_chain.addresses import mint_address, parse_address, parse_wallet
from mint_chain.instructions import Step
from mint_chain.nft import Collection, CreatorShare, Nft, OnChain
from mint_chain.transaction import sign
from mint_chain.update import MAX_URI_BYTES
from mint_events.catalogue import MintPrepared, MintSubmitted, UriUpdateRequested
from mint_resilience.failures import Permanent

_Shape = tuple[int, ...]


class UnitLimits:
    """Compute-unit limits: a transaction of each shape is simulated once, in advance."""

    def __init__(self, chain: Solana, *, margin: float, fallback: int) -> None:
        """`margin` is added to what was used, as a fraction; `fallback` units serve when the
        simulation fails (its reason shows again when the transaction is sent)."""
        self._chain = chain
        self._margin = margin
        self._fallback = fallback
        self._measured: dict[_Shape, Shared[int]] = {}

    async def limit(self, steps: Sequence[Step], authority: Authority, *, afresh: bool) -> int:
        """Units for these steps; `afresh` simulates them whatever is known of their shape: the
        programs may have become dearer."""

        async def measure() -> int:
            raw = sign(steps, authority.keypair, Hash.default(), units=MAX_UNITS, price=0).raw
            return await self._chain.units_used(raw)

        shape = _shape(steps)
        if afresh or shape not in self._measured:
            self._measured[shape] = Shared(measure, seconds=inf)
        try:
            used = await self._measured[shape].get()
        except Refused:
            return self._fallback
        return unit_limit(used, self._margin)


class Purse(Protocol):
    """Knows what the authorities hold."""

    def require(self, authority: Pubkey) -> None:
        """Raises `AllUnavailable` while the authority holds too little to pay for a mint."""
        ...


class Signer:
    """Signs with the key of the authority that a mint was prepared for."""

    def __init__(
        self,
        authorities: Authorities,
        chain: Solana,
        pricing: Pricing,
        limits: UnitLimits,
        purse: Purse,
    ) -> None:
        self._authorities = authorities
        self._purse = purse
        self._chain = chain
        self._pricing = pricing
        self._limits = limits

    async def nft(self, prepared: MintPrepared) -> Nft:
        """The NFT that is to be made.

        Raises `Permanent` when no key of this service's can make it, or an address is none.
        """
        authority = self._authority_for(prepared)
        collection = prepared.collection and await self._collection(prepared.collection, authority)
        nft = _nft(prepared, authority, collection or None)
        _require_address(prepared, nft.mint)
        return nft

    def update(self, asked: UriUpdateRequested) -> NewUri:
        """The NFT with the URI that it is to name.

        Raises `Permanent` when no key of this service's can do it, or the URI is too long.
        """
        authority = self._authority_for(asked.prepared).address
        mint = mint_address(authority, asked.mint_id)
        _require_address(asked.prepared, mint)
        _require_length(asked.uri)
        return NewUri(
            mint_id=asked.mint_id,
            mint=mint,
            authority=authority,
            uri=asked.uri,
            since_slot=asked.since_slot,
        )

    async def sign(
        self, goal: Goal, there: OnChain, *, attempt: int, last: Submission | None
    ) -> MintSubmitted:
        """Sign a transaction for what is missing, on a fresh blockhash. Nothing is sent.

        It follows `last`, the mint's newest submission. Raises `AllUnavailable` while the authority
        can not pay for it, and `Permanent` when the goal can not be reached from what is there.
        """
        self._purse.require(goal.authority)
        authority = self._authorities[str(goal.authority)]
        steps = goal.missing(there, rent=await self._chain.mint_rent())
        units, recent_prices = await asyncio.gather(
            self._limits.limit(steps, authority, afresh=attempt > 1),
            self._chain.recent_prices(written_accounts(steps, authority.address)),
        )
        price = self._pricing.price(recent_prices, _least_price(attempt, last))
        recent = await self._chain.blockhash()
        signed = sign(steps, authority.keypair, recent.hash, units=units, price=price)
        return MintSubmitted(
            mint_id=goal.mint_id,
            mint_address=str(goal.mint),
            attempt=attempt,
            signature=str(signed.signature),
            transaction=signed.raw,
            blockhash=str(recent.hash),
            blockhash_slot=recent.slot,
            last_valid_block_height=recent.last_valid_block_height,
            endpoint=recent.endpoint,
            priority_fee=price,
            compute_unit_limit=units,
            earlier=last.signatures if last else (),
            uri=goal.uri,
        )

    def _authority_for(self, prepared: MintPrepared) -> Authority:
        if prepared.authority in self._authorities:
            return self._authorities[prepared.authority]
        raise Permanent(
            f"mint {prepared.mint_id} was prepared for the authority {prepared.authority}, this"
            f" service holds the keys of {', '.join(self._authorities)}: give it that key too, or"
            " let the reconciler prepare with one of these"
        )

    async def _collection(self, address: str, authority: Authority) -> Collection:
        """The collection, vouched for when its update authority is ours; it may be a stranger's."""
        mint = parse_address(address)
        metadata = await self._chain.metadata(mint)
        ours = metadata is not None and metadata.update_authority == authority.address
        return Collection(mint=mint, verify=ours, sized=bool(metadata and metadata.sized))


def _require_address(prepared: MintPrepared, mint: Pubkey) -> None:
    if str(mint) != prepared.mint_address:
        raise Permanent(
            f"mint {prepared.mint_id} was prepared for {prepared.mint_address}, but its address"
            f" is {mint}: the services disagree on the rule; run the same version of all"
        )


def _require_length(uri: str) -> None:
    length = len(uri.encode())
    if length > MAX_URI_BYTES:
        raise Permanent(
            f"the URI has {length} bytes, Token Metadata takes {MAX_URI_BYTES}: ask for one that is"
            " shorter"
        )


def _least_price(attempt: int, last: Submission | None) -> int:
    """Twice the price of an attempt that failed, whatever others paid since (CH-6)."""
    if last is None or attempt == 1:
        return 0
    price = last.event.priority_fee
    return max(1, 2 * price) if attempt > last.event.attempt else price


def written_accounts(steps: Sequence[Step], payer: Pubkey) -> tuple[Pubkey, ...]:
    """The accounts that the transaction writes, the payer's first; each once."""
    metas = (meta for step in steps for instruction in step for meta in instruction.accounts)
    return tuple(dict.fromkeys((payer, *(meta.pubkey for meta in metas if meta.is_writable))))


def _nft(prepared: MintPrepared, authority: Authority, collection: Collection | None) -> Nft:
    return Nft(
        mint_id=prepared.mint_id,
        authority=authority.address,
        wallet=parse_wallet(prepared.wallet),
        name=prepared.name,
        symbol=prepared.symbol,
        uri=prepared.uri,
        seller_fee_basis_points=prepared.seller_fee_basis_points,
        creators=tuple(
            CreatorShare(address=parse_address(creator.address), share=creator.share)
            for creator in prepared.creators
        ),
        collection=collection,
        is_mutable=prepared.is_mutable,
    )


def _shape(steps: Sequence[Step]) -> _Shape:
    """What decides about the units, but for how many tries an address takes to derive."""
    return tuple(len(instruction.data) for step in steps for instruction in step)

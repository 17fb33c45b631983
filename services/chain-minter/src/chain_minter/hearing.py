"""What an endpoint says of many mints when it is asked thoroughly, in few calls."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature

from chain_minter import queries
from chain_minter.chain import Report, Sent
from chain_minter.confirmation import Status
from chain_minter.queries import Finalized, Parts
from chain_minter.rpc import Endpoint
from mint_chain.nft import observe
from mint_resilience.failures import Conflict

Question = tuple[Pubkey, Sent | None]
"""An NFT by its mint, and the transaction that is to make it, if there is one yet."""
Hearsay = list[Report | Conflict]
"""What each endpoint says; a `Conflict` where what it has there is not what it should be."""


async def statements(endpoint: Endpoint, questions: Sequence[Question]) -> Hearsay:
    """What it says, in the order of the questions.

    The height is asked before the rest: what lands in between is not taken for expired.
    """
    finalized = await queries.finalized(endpoint)
    parts = await queries.parts(endpoint, [mint for mint, _ in questions])
    sent = [each for _, each in questions if each is not None]
    found, slot = await _searched(endpoint, [each.signature for each in sent], parts.slot)
    unseen = {each.blockhash for each in sent if found[each.signature] is None}
    gone = await _gone(endpoint, unseen, finalized.slot)
    return [
        _report_or_conflict(
            endpoint.name,
            found.get(each.signature if each else None),
            finalized,
            slot,
            there,
            blockhash_gone=each is not None and each.blockhash in gone,
        )
        for (_, each), there in zip(questions, parts.value, strict=True)
    ]


def report(
    endpoint: str,
    status: Status | None,
    finalized: Finalized,
    slot: int,
    parts: Parts,
    *,
    blockhash_gone: bool = False,
) -> Report:
    """Raises `Conflict` when an account is there and is not what it should be."""
    return Report(
        endpoint=endpoint,
        status=status,
        finalized_height=finalized.height,
        finalized_slot=finalized.slot,
        read_slot=slot,
        there=observe(*parts),
        blockhash_gone=blockhash_gone,
    )


def _report_or_conflict(
    endpoint: str,
    status: Status | None,
    finalized: Finalized,
    slot: int,
    parts: Parts,
    *,
    blockhash_gone: bool,
) -> Report | Conflict:
    try:
        return report(endpoint, status, finalized, slot, parts, blockhash_gone=blockhash_gone)
    except Conflict as conflict:
        return Conflict(f"{endpoint}: {conflict}", endpoint=endpoint)


async def _searched(
    endpoint: Endpoint, signatures: Sequence[Signature], slot: int
) -> tuple[dict[Signature | None, Status | None], int]:
    """The statuses, and the older one of their slot and `slot`."""
    if not signatures:
        return {}, slot
    read = await queries.statuses(endpoint, signatures, search=True)
    return dict(zip(signatures, read.value, strict=True)), min(slot, read.slot)


async def _gone(endpoint: Endpoint, blockhashes: Collection[Hash], slot: int) -> set[Hash]:
    """Those that are not good any more at a finalized slot no older than that.

    There is one for each second in which some were signed, so they are asked for at once.
    """
    reads = await asyncio.gather(*(queries.is_good(endpoint, each) for each in blockhashes))
    judged = zip(blockhashes, reads, strict=True)
    return {each for each, read in judged if not read.value and read.slot >= slot}

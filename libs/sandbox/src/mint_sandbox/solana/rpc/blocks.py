"""Block methods: slots, heights, blockhashes, times, epochs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from solders.hash import Hash

from mint_sandbox.solana.chain import Block, Commitment
from mint_sandbox.solana.ledger import Ledger
from mint_sandbox.solana.rpc.context import commitment, framed, settled
from mint_sandbox.solana.rpc.dispatch import Method
from mint_sandbox.solana.rpc.errors import (
    block_cleaned_up,
    block_not_available,
    invalid_params,
    slot_skipped,
)
from mint_sandbox.solana.rpc.params import Params

_MAX_RANGE = 500_000


def get_slot(ledger: Ledger, params: Params) -> int:
    """The slot of the youngest block."""
    return _block(ledger, params).slot


def get_block_height(ledger: Ledger, params: Params) -> int:
    """How many blocks stand below and including the youngest one."""
    return _block(ledger, params).height


def get_latest_blockhash(ledger: Ledger, params: Params) -> Any:
    """A blockhash to sign with and its last valid block height."""
    at = commitment(ledger, params.options(0))
    latest = ledger.chain.latest_blockhash(at)
    value = {
        "blockhash": str(latest.blockhash),
        "lastValidBlockHeight": latest.last_valid_block_height,
    }
    return framed(ledger, at, value)


def is_blockhash_valid(ledger: Ledger, params: Params) -> Any:
    """Whether a blockhash may still be used, as seen from that commitment."""
    try:
        blockhash = Hash.from_string(params.get(0, str))
    except ValueError as error:
        raise invalid_params(f"Invalid param: {error}") from error
    at = commitment(ledger, params.options(1))
    return framed(ledger, at, ledger.chain.is_valid(blockhash, at))


def get_block_time(ledger: Ledger, params: Params) -> int:
    """The time of a block, Unix seconds."""
    return _settled_block(ledger, params.get(0, int), Commitment.CONFIRMED).time


def get_blocks(ledger: Ledger, params: Params) -> list[int]:
    """The slots with a block from one slot to another (default: to the youngest)."""
    start, end = params.get(0, int), params.optional(1, int) if _has_end(params) else None
    newest = ledger.chain.at(settled(ledger, params.options(1 if end is None else 2))).slot
    if end is not None and end - start > _MAX_RANGE:
        raise invalid_params(f"Slot range too large; max {_MAX_RANGE}")
    return ledger.chain.slots_between(start, min(newest, end if end is not None else newest))


def get_first_available_block(ledger: Ledger, _params: Params) -> int:
    """The slot of the oldest block that is kept."""
    return ledger.chain.first.slot


def get_epoch_info(ledger: Ledger, params: Params) -> Any:
    """The epoch, and where in it the chain is."""
    block = _block(ledger, params)
    epoch, index, length = ledger.vm.epoch(block.slot)
    return {
        "absoluteSlot": block.slot,
        "blockHeight": block.height,
        "epoch": epoch,
        "slotIndex": index,
        "slotsInEpoch": length,
        "transactionCount": ledger.history.count(block.slot),
    }


def _block(ledger: Ledger, params: Params) -> Block:
    return ledger.chain.at(commitment(ledger, params.options(0)))


def _has_end(params: Params) -> bool:
    return not isinstance(params.optional(1, object), dict)


def _settled_block(ledger: Ledger, slot: int, at: Commitment) -> Block:
    chain = ledger.chain
    if slot > chain.at(at).slot:
        raise block_not_available(slot)
    if slot < chain.first.slot:
        raise block_cleaned_up(slot, chain.first.slot)
    block = chain.block(slot)
    if block is None:
        raise slot_skipped(slot)
    return block


METHODS: Mapping[str, Method] = {
    "getBlockHeight": get_block_height,
    "getBlockTime": get_block_time,
    "getBlocks": get_blocks,
    "getEpochInfo": get_epoch_info,
    "getFirstAvailableBlock": get_first_available_block,
    "getLatestBlockhash": get_latest_blockhash,
    "getSlot": get_slot,
    "isBlockhashValid": is_blockhash_valid,
}

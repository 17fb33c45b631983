"""The chain without its accounts: slots, blocks, commitments and the life of a blockhash. Pure.

A block is open for a slot (longer where the following slots are skipped), then sealed. Outside
facts, after Agave's `bank.rs` and `blockhash_queue.rs`: a block is `confirmed` once another one
stands on it (at the earliest), `finalized` once 32 do; a blockhash is good for transactions while
at most 150 younger hashes are queued, so 151 hashes are usable at any time.
"""

from __future__ import annotations

from collections import deque
from copy import copy
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from random import Random

from solders.hash import Hash

MAX_PROCESSING_AGE = 150
"""How many younger blockhashes may be queued before a blockhash is too old (Agave)."""

FINALIZED_DEPTH = 32
"""How many blocks stand on a finalized one (Agave's MAX_LOCKOUT_HISTORY + 1)."""

_RETAINED_BLOCKS = 20_000


class Commitment(StrEnum):
    """How settled what one reads must be."""

    PROCESSED = "processed"
    CONFIRMED = "confirmed"
    FINALIZED = "finalized"


_DEPTH = {
    Commitment.PROCESSED: 0,
    Commitment.CONFIRMED: 1,
    Commitment.FINALIZED: FINALIZED_DEPTH,
}


@dataclass(frozen=True, slots=True)
class Block:
    """One block; `time` is Unix seconds, `height` counts blocks, `slot` also the skipped ones."""

    slot: int
    height: int
    parent_slot: int
    blockhash: Hash
    previous_blockhash: Hash
    time: int


@dataclass(frozen=True, slots=True)
class LatestBlockhash:
    """A blockhash to sign with, and the last block height at which it is surely accepted."""

    blockhash: Hash
    last_valid_block_height: int


class Chain:
    """Blocks in order; the last one is open and takes transactions."""

    def __init__(self, start: Block, skips: Random, skip_rate: float) -> None:
        """Begin at `start`; each following slot is skipped with the chance `skip_rate`."""
        self._blocks = deque([start], maxlen=_RETAINED_BLOCKS)
        self._by_slot = {start.slot: start}
        self._heights = {
            start.previous_blockhash: start.height - 1,
            start.blockhash: start.height,
        }
        self._skips = skips
        self._skip_rate = skip_rate
        self._skipped = 0
        self.behind = 0

    def lagging(self, slots: int) -> Chain:
        """This chain as it was so many slots ago, or when it began; good until the next slot."""
        seen = self.tip.slot - slots
        unseen = takewhile(lambda block: block.slot > seen, reversed(self._blocks))
        view = copy(self)
        view.behind = min(sum(1 for _ in unseen), len(self._blocks) - 1)
        return view

    @property
    def tip(self) -> Block:
        """The open block."""
        return self._blocks[-1 - self.behind]

    @property
    def first(self) -> Block:
        """The oldest block still kept."""
        return self._blocks[0]

    def tick(self, time: int) -> bool:
        """Let one slot pass; True if it brought a new block, False if it was skipped."""
        if self._skips.random() < self._skip_rate:
            self._skipped += 1
            return False
        self._append(self.tip.slot + 1 + self._skipped, time)
        self._skipped = 0
        return True

    def at(self, commitment: Commitment) -> Block:
        """The youngest block of that commitment (the oldest kept one on a young chain)."""
        depth = min(_DEPTH[commitment] + self.behind, len(self._blocks) - 1)
        return self._blocks[-1 - depth]

    def commitment_of(self, slot: int) -> Commitment:
        """How settled the block in `slot` is by now."""
        if slot <= self.at(Commitment.FINALIZED).slot:
            return Commitment.FINALIZED
        if slot <= self.at(Commitment.CONFIRMED).slot:
            return Commitment.CONFIRMED
        return Commitment.PROCESSED

    def confirmations(self, slot: int) -> int | None:
        """How many blocks stand on the one in `slot`; None when it is finalized."""
        if self.commitment_of(slot) is Commitment.FINALIZED:
            return None
        return self.tip.height - self._by_slot[slot].height

    def block(self, slot: int) -> Block | None:
        """The block in that slot; None if it was skipped, is to come, or is no longer kept."""
        return self._by_slot.get(slot) if slot <= self.tip.slot else None

    def slots_between(self, first: int, last: int) -> list[int]:
        """The slots from `first` to `last`, both included, that have a kept block."""
        return [block.slot for block in self._blocks if first <= block.slot <= last]

    def latest_blockhash(self, commitment: Commitment) -> LatestBlockhash:
        """The youngest known hash as seen from that commitment's block."""
        block = self.at(commitment)
        # The open block has no hash yet: its parent's is the newest that it knows.
        blockhash = block.previous_blockhash if block is self.tip else block.blockhash
        return LatestBlockhash(blockhash, block.height + MAX_PROCESSING_AGE)

    def is_valid(self, blockhash: Hash, commitment: Commitment) -> bool:
        """Whether a transaction with this hash may still run, as seen from that commitment."""
        height = self._heights.get(blockhash)
        newest = self._heights[self.latest_blockhash(commitment).blockhash]
        return height is not None and 0 <= newest - height <= MAX_PROCESSING_AGE

    def last_valid_height(self, blockhash: Hash) -> int | None:
        """The last block height at which it is surely accepted; None for an unknown hash."""
        height = self._heights.get(blockhash)
        return None if height is None else height + MAX_PROCESSING_AGE

    def _append(self, slot: int, time: int) -> None:
        parent = self.tip
        blockhash = Hash.hash(bytes(parent.blockhash) + slot.to_bytes(8, "little"))
        if len(self._blocks) == self._blocks.maxlen:
            del self._by_slot[self._blocks[0].slot]
        block = Block(slot, parent.height + 1, parent.slot, blockhash, parent.blockhash, time)
        self._blocks.append(block)
        self._by_slot[slot] = block
        self._heights[blockhash] = block.height
        self._forget_old_hashes(block.height - 2 * MAX_PROCESSING_AGE)

    def _forget_old_hashes(self, below: int) -> None:
        """Hashes are kept in order of age: drop from the front."""
        while (oldest := next(iter(self._heights.items())))[1] < below:
            del self._heights[oldest[0]]

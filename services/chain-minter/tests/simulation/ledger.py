"""A model of the chain: slots, block heights, blockhashes that expire, forks, and NFTs.

What it takes from Solana: a slot lasts 0.4 s and may have no block; a transaction lands at most
once, in a block whose height is at most 150 above that of its blockhash; a block is finalized 32
slots later, and what was only processed may be lost with its fork. An account is created once: a
transaction that creates what is there fails as a whole. Written from Solana's documentation, and
independently of the product.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random

from chain_minter.confirmation import Commitment

SLOT_SECONDS = 0.4
BLOCKHASH_BLOCKS = 150
CONFIRMED_SLOTS = 2
FINALIZED_SLOTS = 32
FIRST_SLOT = 1000
MINT, METADATA, EDITION = "mint", "metadata", "edition"
URI = "uri "
"""What a part begins with that says which URI the metadata name; none: that of the mint."""


@dataclass(slots=True, eq=False)
class Transaction:
    """Signed bytes, and what has become of them.

    `sets` is the URI that it gives to the metadata. `tried`: an endpoint has judged them; `sent`:
    one has passed them on. `fork` is the slots from which to which a fork held it that was given
    up, and its error there.
    """

    signature: str
    mint_id: str
    address: str
    creates: frozenset[str]
    sets: str | None
    blockhash_slot: int
    last_valid: int
    tried: bool = False
    sent: bool = False
    landed: int | None = None
    error: str | None = None
    fork: tuple[int, int, str | None] | None = None


@dataclass(slots=True)
class Ledger:
    """The chain; `skips` is how often a slot stays without a block, `forks` how often a transaction
    is first in one that is given up."""

    random: Random
    blocks: Random
    skips: float
    forks: float
    transactions: dict[str, Transaction] = field(default_factory=dict)
    accounts: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    tokens: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    uris: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    slot: int = FIRST_SLOT
    _heights: list[int] = field(default_factory=lambda: [500])
    _coming: list[tuple[int, int, Transaction]] = field(default_factory=list)
    _count: int = 0

    def height(self, slot: int) -> int:
        """Blocks up to the slot, fewer than slots."""
        heights = self._heights
        while len(heights) <= slot - FIRST_SLOT + 400:
            heights.append(heights[-1] + (self.blocks.random() >= self.skips))
        return heights[max(0, slot - FIRST_SLOT + 300)]

    def advance(self, now: float) -> None:
        """Let land what is to land until `now`, in seconds."""
        slot = FIRST_SLOT + int(now / SLOT_SECONDS)
        while self._coming and self._coming[0][0] <= slot:
            self.slot, _, transaction = heappop(self._coming)
            self._execute(transaction)
        self.slot = slot

    def add(self, transaction: Transaction) -> None:
        """It exists: it was signed."""
        self.transactions[transaction.signature] = transaction

    def submit(self, transaction: Transaction, slots: int) -> None:
        """Let it reach a leader in so many slots."""
        self._count += 1
        heappush(self._coming, (self.slot + max(1, slots), self._count, transaction))

    def slots_left(self, transaction: Transaction) -> int:
        """Slots until it expires, at least."""
        return transaction.last_valid - self.height(self.slot)

    def may_land(self, transaction: Transaction) -> bool:
        """Whether it can still come into a block: it has left us, and is neither in nor expired."""
        return (
            transaction.sent
            and transaction.landed is None
            and self.height(self.slot) < transaction.last_valid
        )

    def created(self, address: str, slot: int) -> frozenset[str]:
        """Which accounts are there in the state of that slot."""
        parts = self.accounts.get(address, {})
        names = [URI + uri for since, uri in self.uris.get(address, ()) if since <= slot]
        return frozenset([*(part for part, since in parts.items() if since <= slot), *names[-1:]])

    def status(
        self, transaction: Transaction, slot: int
    ) -> tuple[Commitment, int, str | None] | None:
        """What a node at that slot knows of it."""
        landed = transaction.landed
        if landed is not None and landed <= slot:
            return _commitment(slot - landed), landed, transaction.error
        if transaction.fork and transaction.fork[0] <= slot < transaction.fork[1]:
            return Commitment.PROCESSED, transaction.fork[0], transaction.fork[2]
        return None

    def _execute(self, transaction: Transaction) -> None:
        slot = self.slot
        block = self.height(slot)
        if transaction.landed is not None or block > transaction.last_valid:
            return
        if block == self.height(slot - 1):
            self.submit(transaction, 1)
        elif transaction.fork is None and self.random.random() < self.forks:
            error = self.random.choice([None, "failed on a fork"])
            slots = self.random.choice((CONFIRMED_SLOTS, CONFIRMED_SLOTS, 20))
            transaction.fork = (slot, slot + slots, error)
            self.submit(transaction, self.random.randrange(slots, 60))
        else:
            self._land(transaction, slot)

    def _land(self, transaction: Transaction, slot: int) -> None:
        transaction.landed = slot
        there = self.accounts[transaction.address]
        if transaction.creates & there.keys():
            transaction.error = "account already in use"
            return
        there.update(dict.fromkeys(transaction.creates, slot))
        if transaction.sets is not None:
            self.uris[transaction.address].append((slot, transaction.sets))
        if MINT in transaction.creates:
            self.tokens[transaction.mint_id].append(transaction.address)


def _commitment(depth: int) -> Commitment:
    if depth >= FINALIZED_SLOTS:
        return Commitment.FINALIZED
    return Commitment.CONFIRMED if depth >= CONFIRMED_SLOTS else Commitment.PROCESSED

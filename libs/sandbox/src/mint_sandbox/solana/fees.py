"""The priority fees of recent blocks, as `getRecentPrioritizationFees` reports them. Pure.

After Agave's `prioritization_fee.rs`: a block's fee for an account is the lowest unit price that
got a transaction writing this account into the block, and no less than the block's own lowest.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from solders.pubkey import Pubkey

_RETAINED_BLOCKS = 150


@dataclass(slots=True)
class _BlockFees:
    lowest: int | None = None
    lowest_by_account: dict[Pubkey, int] = field(default_factory=dict)


class RecentFees:
    """Lowest prices in micro-lamports per compute unit, for the last 150 blocks."""

    def __init__(self) -> None:
        self._blocks: OrderedDict[int, _BlockFees] = OrderedDict()

    def open_block(self, slot: int) -> None:
        """A new block begins; the oldest beyond 150 is forgotten."""
        self._blocks[slot] = _BlockFees()
        while len(self._blocks) > _RETAINED_BLOCKS:
            self._blocks.popitem(last=False)

    def note(self, slot: int, price: int, written: Iterable[Pubkey]) -> None:
        """A transaction at this price landed in the slot and wrote these accounts."""
        block = self._blocks[slot]
        block.lowest = price if block.lowest is None else min(block.lowest, price)
        for key in written:
            block.lowest_by_account[key] = min(block.lowest_by_account.get(key, price), price)

    def lowest(self, accounts: Iterable[Pubkey]) -> list[tuple[int, int]]:
        """Slot and price that would have sufficed to write all of the accounts, oldest first."""
        wanted = tuple(accounts)
        return [(slot, _lowest(block, wanted)) for slot, block in self._blocks.items()]


def _lowest(block: _BlockFees, accounts: tuple[Pubkey, ...]) -> int:
    by_account = (block.lowest_by_account.get(key, 0) for key in accounts)
    return max(block.lowest or 0, *by_account, 0)

"""What a transaction offers for being taken: price and limit of compute units. Pure.

Source: Solana's documentation on priority fees; a transaction may use 1 400 000 units at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

MAX_UNITS: Final = 1_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pricing:
    """How to choose the price, in micro-lamports per compute unit."""

    percentile: int
    floor: int
    cap: int

    def price(self, recent: Sequence[int], least: int = 0) -> int:
        """The percentile of recent prices, no lower than `least`, within bounds."""
        return min(self.cap, max(self.floor, least, percentile(recent, self.percentile)))


def percentile(values: Sequence[int], percent: int) -> int:
    """The smallest value that `percent` of all are not above (nearest rank); 0 if there is none."""
    if not values:
        return 0
    rank = ceil(len(values) * percent / 100)
    return sorted(values)[max(rank, 1) - 1]


def unit_limit(used: int, margin: float) -> int:
    """What a simulation used and a `margin` (a fraction of it) above.

    The margin is for addresses that are derived with more tries than the simulated one's: 1 500
    units each.
    """
    return min(MAX_UNITS, ceil(used * (1 + margin)))

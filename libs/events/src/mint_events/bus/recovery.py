"""The news that a dependency may be asked again, for the work that waits for it (NR-3)."""

from __future__ import annotations

import asyncio


class Recovery:
    """Wakes, at each `announce`, whoever waits for `next` at that moment."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    @property
    def next(self) -> asyncio.Event:
        """Set at the next announcement; ask for it anew before each wait."""
        return self._next

    def announce(self) -> None:
        """Say that a breaker closed, or that a probe of it succeeded."""
        announced, self._next = self._next, asyncio.Event()
        announced.set()

"""The wall clock, and the beat at which all flights look at the chain together."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime


class WallClock:
    """Beats every `seconds` for everybody at once, so that what they ask is asked together."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def now(self) -> datetime:
        """The time in UTC."""
        return datetime.now(UTC)

    async def beat(self) -> None:
        """Wait for the next beat."""
        await asyncio.sleep(self._seconds - asyncio.get_running_loop().time() % self._seconds)

"""Asking the providers whether they are there, without spending their rate limit on it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

Check = Callable[[], Awaitable[str | None]]


class Remembered:
    """A check whose answer is good for some seconds; probes in between get it again."""

    def __init__(self, check: Check, *, seconds: float, clock: Callable[[], float]) -> None:
        self._check = check
        self._seconds = seconds
        self._clock = clock
        self._answer: str | None = None
        self._good_until: float | None = None

    async def __call__(self) -> str | None:
        """None when all is well, else what is wrong."""
        if self._good_until is None or self._clock() >= self._good_until:
            self._answer = await self._check()
            self._good_until = self._clock() + self._seconds
        return self._answer

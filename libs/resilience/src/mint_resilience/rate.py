"""A token bucket: so many calls a second, a few more at once after a pause (NR-1)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import inf

from mint_resilience.breaker import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """`per_second` calls on the long run, `burst` of them at once.

    Raises `ValueError` for a rate by which no call would ever be made.
    """

    per_second: float = inf
    burst: int = 1

    def __post_init__(self) -> None:
        if self.per_second <= 0 or self.burst < 1:
            raise ValueError(f"no call can be made at {self}")


UNLIMITED = Rate()


class TokenBucket:
    """Calls take tokens, in the order in which they ask; a call without one has to wait."""

    def __init__(self, rate: Rate, *, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._tokens = float(rate.burst)
        self._filled = clock()
        self._resumes = -inf

    @property
    def rate(self) -> Rate:
        """The rate it keeps now."""
        return self._rate

    def wait(self) -> float:
        """Seconds that a call which asks now would have to wait."""
        self._fill()
        return self._wait(self._tokens - 1)

    @property
    def paused_for(self) -> float:
        """Seconds for which the other side still wants no call at all, 0 for none."""
        return max(0.0, self._resumes - self._clock())

    def reserve(self) -> float:
        """Take a token, perhaps a future one; returns the seconds until it is there."""
        self._fill()
        self._tokens -= 1
        return self._wait(self._tokens)

    def give_back(self) -> None:
        """Return a token that was reserved and not used."""
        self._tokens = min(self._tokens + 1, float(self._rate.burst))

    async def acquire(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Wait for a token and take it; when cancelled, nothing is taken."""
        seconds = self.reserve()
        if seconds <= 0:
            return
        try:
            await sleep(seconds)
        except BaseException:
            self.give_back()
            raise

    def pause(self, seconds: float) -> None:
        """Let no call through for so long (the other side's `Retry-After`)."""
        self._resumes = max(self._resumes, self._clock() + seconds)

    def adjust(self, rate: Rate) -> None:
        """Keep another rate from now on; who waits already, waits as long as was said."""
        self._fill()
        self._rate = rate
        self._tokens = min(self._tokens, float(rate.burst))

    def _fill(self) -> None:
        now = self._clock()
        elapsed, self._filled = now - self._filled, now
        if self._rate.per_second == inf:
            self._tokens = float(self._rate.burst)
        else:
            gained = elapsed * self._rate.per_second
            self._tokens = min(self._tokens + gained, float(self._rate.burst))

    def _wait(self, tokens: float) -> float:
        """Seconds until so many tokens are not a debt, and any pause is over."""
        debt = max(0.0, -tokens) / self._rate.per_second
        return max(debt, self.paused_for)

"""How many calls ended how in the last seconds: a window that slides, in constant memory."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import floor

BUCKETS = 60
"""A call leaves the window one sixtieth of its length early at most, and never late."""


@dataclass(slots=True)
class _Bucket:
    number: int
    calls: int = 0
    failures: int = 0


class SlidingWindow:
    """Counts of calls and failures that are younger than `seconds`; pure, times are arguments.

    Times come from one clock that does not go back.
    """

    def __init__(self, seconds: float) -> None:
        self._resolution = seconds / BUCKETS
        self._buckets: deque[_Bucket] = deque()
        self._calls = 0
        self._failures = 0

    def add(self, now: float, *, failed: bool) -> None:
        """Count a call that ended at `now`."""
        bucket = self._bucket(now)
        bucket.calls += 1
        bucket.failures += failed
        self._calls += 1
        self._failures += failed

    def calls(self, now: float) -> int:
        """Calls in the window."""
        self._forget(now)
        return self._calls

    def failures(self, now: float) -> int:
        """Failed calls in the window."""
        self._forget(now)
        return self._failures

    def clear(self) -> None:
        """Forget everything."""
        self._buckets.clear()
        self._calls = self._failures = 0

    def _bucket(self, now: float) -> _Bucket:
        self._forget(now)
        number = floor(now / self._resolution)
        if not self._buckets or self._buckets[-1].number != number:
            self._buckets.append(_Bucket(number))
        return self._buckets[-1]

    def _forget(self, now: float) -> None:
        oldest_kept = floor(now / self._resolution) - BUCKETS + 1
        while self._buckets and self._buckets[0].number < oldest_kept:
            gone = self._buckets.popleft()
            self._calls -= gone.calls
            self._failures -= gone.failures

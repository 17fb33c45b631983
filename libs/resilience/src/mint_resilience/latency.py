"""How long an endpoint takes: a moving average, and percentiles of its last calls. Pure."""

from __future__ import annotations

from collections import deque
from math import ceil

SAMPLES = 256
"""Calls that percentiles look back on."""

WEIGHT = 0.2
"""Of the newest call in the average: about the last nine calls make nine tenths of it."""


class Latency:
    """Seconds of an endpoint's calls."""

    def __init__(self) -> None:
        self.average: float | None = None
        self._samples: deque[float] = deque(maxlen=SAMPLES)

    def add(self, seconds: float) -> None:
        """Count a call."""
        self._samples.append(seconds)
        before = seconds if self.average is None else self.average
        self.average = before + WEIGHT * (seconds - before)

    def percentile(self, share: float) -> float | None:
        """The least latency that `share` (0 to 1) of the last calls did not exceed."""
        if not self._samples:
            return None
        rank = max(1, ceil(share * len(self._samples)))
        return sorted(self._samples)[rank - 1]

"""How far each endpoint has come (slot, height, offset), and who lags too much to be read (CH-5).

An endpoint is compared with the others at the moment when it reports: a position that is merely old
is no lag. Nobody is compared with one that has not reported for a while: it may be gone, or have
been wrong.
The verdict, too, holds for a while only, so that an endpoint which is no longer asked gets another
chance. Pure: times are arguments.
"""

from __future__ import annotations

from dataclasses import dataclass

MOST_BEHIND = 50
"""Slots; CH-5."""

VERDICT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class _Seen:
    position: int
    lag: int
    time: float


class Positions:
    """The newest position of each endpoint, by name."""

    def __init__(
        self, most_behind: int = MOST_BEHIND, verdict_seconds: float = VERDICT_SECONDS
    ) -> None:
        self._most_behind = most_behind
        self._verdict_seconds = verdict_seconds
        self._seen: dict[str, _Seen] = {}

    def report(self, name: str, position: int, now: float) -> None:
        """Say which position an endpoint has been seen at."""
        others = (
            seen.position
            for other, seen in self._seen.items()
            if other != name and now - seen.time < self._verdict_seconds
        )
        lag = max(0, max(others, default=position) - position)
        self._seen[name] = _Seen(position, lag, now)

    def lag(self, name: str) -> int:
        """How far it was behind the highest when it last reported; 0 if it never did."""
        seen = self._seen.get(name)
        return 0 if seen is None else seen.lag

    def wait(self, name: str, now: float) -> float:
        """Seconds until the endpoint may be read: 0 unless it lags."""
        seen = self._seen.get(name)
        if seen is None or seen.lag <= self._most_behind:
            return 0.0
        return max(0.0, seen.time + self._verdict_seconds - now)

"""A circuit breaker: who keeps failing is left alone, then asked again with care (NR-2).

```
            failure rate reached                 probe granted
  CLOSED ───────────────────────▶ OPEN ───────────────────────▶ HALF_OPEN
    ▲                              ▲                               │  │
    │                              └───────── first failure ───────┘  │
    └──────────────────── so many successes in a row ─────────────────┘
```

An operator may force it open or closed; released, it starts anew as closed. The semantics are those
of resilience4j's time-based sliding window (its documentation, "CircuitBreaker"), with three
differences: the window is bucketed per 1/60 of its length, half-open lets one call through at a
time, and a probe without an answer does not block the next one for longer than the probe interval.

Pure: it does no I/O and waits for nothing; the clock is an argument.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import inf

from mint_resilience.failures import (
    Deferred,
    Degraded,
    Failure,
    Outage,
    RateLimited,
    Transient,
)
from mint_resilience.window import SlidingWindow

Clock = Callable[[], float]
"""Gives the time in seconds; it never goes back."""

_ENDPOINT_AT_FAULT = (Transient, Degraded, Outage)
_SAYS_NOTHING = (Deferred, RateLimited)


class State(StrEnum):
    """What the breaker does with a call."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    FORCED_OPEN = "forced_open"
    FORCED_CLOSED = "forced_closed"


class Outcome(StrEnum):
    """What a call says of the endpoint."""

    SUCCESS = "success"
    FAILURE = "failure"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """The figures of NR-2; times in seconds.

    Raises `ValueError` for a policy by which a breaker could not open, or never close.
    """

    window: float = 60.0
    failure_rate: float = 0.5
    minimum_calls: int = 10
    probe_interval: float = 30.0
    successes_to_close: int = 3
    slow_call: float = 30.0

    def __post_init__(self) -> None:
        figures = (self.window, self.minimum_calls, self.successes_to_close, self.slow_call)
        if min(figures) <= 0 or self.probe_interval < 0 or not 0 < self.failure_rate <= 1:
            raise ValueError(f"a breaker can not work by {self}")


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of state: when (the clock's seconds), from what to what, and why.

    `failure` is the class of the newest failure, where one led to it.
    """

    time: float
    before: State
    after: State
    reason: str
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to make one call; its outcome is reported with it, at most once."""

    era: int


def judge(failure: Failure | None, seconds: float, policy: BreakerPolicy) -> Outcome:
    """What a call that took so long, and ended so (None: well), says of the endpoint.

    Whoever answers too slowly is at fault even if the answer is good. `Permanent`, `Conflict` and
    `Poison` are answers. A rate limit is neither: the endpoint is there, and wants less.
    """
    if isinstance(failure, _SAYS_NOTHING):
        return Outcome.NOTHING
    if isinstance(failure, _ENDPOINT_AT_FAULT) or seconds > policy.slow_call:
        return Outcome.FAILURE
    return Outcome.SUCCESS


def unheard(_: Transition) -> None:
    """Listen to no transition."""


class Breaker:
    """One endpoint's breaker. Ask for a permit, make the call, report its outcome.

    `on_transition` is told of each change, in order. An outcome whose permit is from before the
    last change is ignored: it says nothing of the endpoint as it is now.
    """

    def __init__(
        self,
        policy: BreakerPolicy,
        *,
        clock: Clock,
        on_transition: Callable[[Transition], None] = unheard,
    ) -> None:
        self.policy = policy
        self.state = State.CLOSED
        self._clock = clock
        self._on_transition = on_transition
        self._window = SlidingWindow(policy.window)
        self._era = 0
        self._next_probe = -inf
        self._successes = 0
        self._newest_fault: tuple[str, str | None] = ("", None)

    def wait(self) -> float:
        """Seconds until a permit may be had: 0 for now, infinite while forced open."""
        match self.state:
            case State.FORCED_OPEN:
                return inf
            case State.OPEN | State.HALF_OPEN:
                return max(0.0, self._next_probe - self._clock())
            case _:
                return 0.0

    def acquire(self) -> Permit | None:
        """Leave to make a call, or None. While open, this is what grants a probe when it is due."""
        if self.wait() > 0:
            return None
        if self.state is State.OPEN:
            self._change(State.HALF_OPEN, "probe is due")
        if self.state is State.HALF_OPEN:
            self._next_probe = self._clock() + self.policy.probe_interval
        return Permit(self._era)

    def report(
        self, permit: Permit, outcome: Outcome, reason: str = "", failure: str | None = None
    ) -> None:
        """Say how the call ended; for the transition that may follow, what failed and its class."""
        if permit.era != self._era or outcome is Outcome.NOTHING:
            return
        failed = outcome is Outcome.FAILURE
        if failed:
            self._newest_fault = (reason, failure)
        if self.state is State.CLOSED:
            self._count(failed=failed)
        elif self.state is State.HALF_OPEN:
            self._judge_probe(failed=failed)

    def hasten(self) -> None:
        """Let the next probe be due now: who looked after the endpoint has found it well again."""
        if self.state is State.OPEN:
            self._next_probe = self._clock()

    def trip(self, reason: str) -> None:
        """Open it whatever the rate: who has called patiently, again and again, got no answer."""
        if self.state in (State.CLOSED, State.HALF_OPEN):
            self._next_probe = self._clock() + self.policy.probe_interval
            self._change(State.OPEN, reason, self._newest_fault[1])

    def force_open(self, reason: str) -> None:
        """Let no call through until released."""
        self._change(State.FORCED_OPEN, reason)

    def force_closed(self, reason: str) -> None:
        """Let every call through, whatever it ends in, until released."""
        self._change(State.FORCED_CLOSED, reason)

    def release(self, reason: str) -> None:
        """End what was forced; nothing happens when nothing was."""
        if self.state in (State.FORCED_OPEN, State.FORCED_CLOSED):
            self._change(State.CLOSED, reason)

    def _count(self, *, failed: bool) -> None:
        now = self._clock()
        self._window.add(now, failed=failed)
        calls, failures = self._window.calls(now), self._window.failures(now)
        if calls >= self.policy.minimum_calls and failures >= self.policy.failure_rate * calls:
            self._open(f"{failures} of {calls} calls failed within {self.policy.window:g} s")

    def _judge_probe(self, *, failed: bool) -> None:
        if failed:
            self._open("a probe failed")
            return
        self._successes += 1
        self._next_probe = self._clock()
        if self._successes >= self.policy.successes_to_close:
            self._change(State.CLOSED, f"{self._successes} probes in a row succeeded")

    def _open(self, why: str) -> None:
        reason, failure = self._newest_fault
        self._next_probe = self._clock() + self.policy.probe_interval
        self._change(State.OPEN, f"{why}: {reason}" if reason else why, failure)

    def _change(self, after: State, reason: str, failure: str | None = None) -> None:
        if after is self.state:
            return
        before, self.state = self.state, after
        self._era += 1
        self._successes = 0
        self._window.clear()
        self._on_transition(Transition(self._clock(), before, after, reason, failure))

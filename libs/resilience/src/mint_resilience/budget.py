"""What a mint may cost in retries: attempts and time that all its nested retries share (NR-4).

```python
with spending(Budget(attempts=20, seconds=120, clock=monotonic)):
    await handle(mint)          # every `retry` in here, however deep, draws on it
```

Pure but for the context variable; the clock is an argument.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from mint_resilience.breaker import Clock
from mint_resilience.failures import BudgetExhausted, Failure, Outage

_current: ContextVar[Budget | None] = ContextVar("trimint_budget", default=None)


class Budget:
    """`attempts` that may fail in all, and `seconds` from now in which a retry may begin.

    A failed attempt is paid for when it is about to be made good by another one, at whatever level:
    so each is paid for once, one operation alone is tried `attempts` times, and work that was not
    tried because endpoints are unavailable costs nothing (NR-3). Nor do the attempts before that:
    the last of them was the probe of a breaker, which its failure has opened again. An `Outage`
    takes time, but no attempt: nobody was there.
    """

    def __init__(self, *, attempts: int, seconds: float, clock: Clock) -> None:
        self._attempts = attempts
        self._seconds = seconds
        self._clock = clock
        self._ends = clock() + seconds
        self._failed = 0

    @property
    def attempts_left(self) -> int:
        """How many more attempts may fail."""
        return max(0, self._attempts - self._failed)

    @property
    def seconds_left(self) -> float:
        """For how long retries may still begin."""
        return max(0.0, self._ends - self._clock())

    def require_time(self) -> None:
        """Raise `BudgetExhausted` when the time is over."""
        if self.seconds_left <= 0:
            raise BudgetExhausted(f"{self._seconds:g} s are over; {_ADVICE}")

    def spend(self, failure: Failure, wait: float) -> None:
        """Pay for a failed attempt that is to be followed by another in `wait` seconds.

        Raises `BudgetExhausted`, with the failure as its cause, when that may not be: the attempts
        are used up, or the time is over before the next one would begin.
        """
        self._failed += not isinstance(failure, Outage)
        if self._failed >= self._attempts:
            why = f"{self._attempts} attempts failed"
        elif wait >= self.seconds_left:
            why = f"the next attempt would begin after the {self._seconds:g} s of its time"
        else:
            return
        raise BudgetExhausted(f"{why}, the last one so: {failure}; {_ADVICE}") from failure

    def refund(self, attempts: int) -> None:
        """Take back what was paid for attempts that turned out to be none (NR-3)."""
        self._failed = max(0, self._failed - attempts)


_ADVICE = "its outcome is open: wait durably, then go on with a new budget"


@contextmanager
def spending(budget: Budget) -> Iterator[Budget]:
    """Let everything inside, also tasks begun there, draw on this budget."""
    token = _current.set(budget)
    try:
        yield budget
    finally:
        _current.reset(token)


def current_budget() -> Budget | None:
    """The budget in force, or None."""
    return _current.get()

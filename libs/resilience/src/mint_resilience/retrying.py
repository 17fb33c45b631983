"""What is told of retries, so that it can be seen whether they help (NR-1, OB-1).

This library knows of no metrics and no log: who has them is told, as the start of a process sets.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import Protocol

from mint_resilience.failures import AllUnavailable, Failure


class Outcome(StrEnum):
    """What came of an operation that was tried more than once."""

    HELPED = "helped"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"
    """In the end nobody could be asked: it says nothing about the retries."""


class RetryObserver(Protocol):
    """Who is told of retries. It must not raise, nor wait."""

    def retried(self, operation: str, failure: Failure, attempt: int, seconds: float) -> None:
        """Attempt number `attempt` (from 1) ended so; there is another one in so many seconds."""

    def settled(self, operation: str, outcome: Outcome) -> None:
        """An operation ended that was tried more than once."""


class Unobserved:
    """An observer that looks away."""

    def retried(self, operation: str, failure: Failure, attempt: int, seconds: float) -> None:
        """Nothing follows."""

    def settled(self, operation: str, outcome: Outcome) -> None:
        """Nothing follows."""


_observer: RetryObserver = Unobserved()


def observe_retries(observer: RetryObserver) -> RetryObserver:
    """Let `observer` be told of all retries of this process; returns who was told before."""
    global _observer
    before, _observer = _observer, observer
    return before


def observer() -> RetryObserver:
    """Who is told now."""
    return _observer


def outcome_of(error: BaseException | None) -> Outcome:
    """What came of retries that ended in this error, or in none."""
    if error is None:
        return Outcome.HELPED
    return Outcome.UNAVAILABLE if isinstance(error, AllUnavailable) else Outcome.FAILED


def name_of(operation: Callable[..., object]) -> str:
    """An operation by where it is written: `Class.method`, for a closure that of what it is in."""
    while isinstance(operation, partial):
        operation = operation.func
    name: str = getattr(operation, "__qualname__", type(operation).__qualname__)
    return name.partition(".<locals>")[0]

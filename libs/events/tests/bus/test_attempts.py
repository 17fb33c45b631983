"""What follows from a failed attempt depends on the class of the failure."""

from __future__ import annotations

import pytest

from mint_events.bus.attempts import GiveUp, TryAgain, judge, kind_of
from mint_events.bus.limits import Limits
from mint_resilience.failures import (
    Conflict,
    Degraded,
    Outage,
    Permanent,
    Poison,
    RateLimited,
    Transient,
)

LIMITS = Limits(retry_base=1.0, retry_ceiling=60.0, bug_attempts=3)


def judged(error: Exception, attempt: int) -> GiveUp | TryAgain:
    return judge(error, attempt, LIMITS, lambda: 0.0)


@pytest.mark.requirement("NR-1", "NR-3")
@pytest.mark.parametrize("failure", [Transient, RateLimited, Degraded, Outage])
def test_a_fault_of_the_other_side_is_tried_without_end(failure: type[Transient]) -> None:
    waits = [judged(failure("x"), attempt) for attempt in (1, 2, 3, 100_000)]
    assert waits == [TryAgain(1.0), TryAgain(2.0), TryAgain(4.0), TryAgain(60.0)]


@pytest.mark.requirement("NR-1")
def test_the_other_sides_wish_is_heeded() -> None:
    assert judged(RateLimited("x", retry_after=90.0), 1) == TryAgain(90.0)


@pytest.mark.requirement("NR-1")
@pytest.mark.parametrize("failure", [Permanent, Poison])
def test_a_final_answer_is_given_up_at_once(failure: type[Permanent]) -> None:
    assert judged(failure("x"), 1) == GiveUp()


@pytest.mark.parametrize("error", [KeyError("x"), Conflict("x")])
def test_a_bug_is_tried_a_few_times(error: Exception) -> None:
    assert [judged(error, n) for n in (1, 2, 3)] == [TryAgain(1.0), TryAgain(2.0), GiveUp()]


def test_what_is_no_failure_is_called_a_bug() -> None:
    assert kind_of(KeyError("x")) == "bug"
    assert kind_of(Outage("x")) == "outage"

"""What follows from a failed attempt depends on the class of the failure."""

from __future__ import annotations

import pytest

from mint_events.bus.attempts import GiveUp, LookAgain, TryAgain, Verdict, judge, kind_of
from mint_events.bus.limits import Limits
from mint_resilience.failures import (
    AllUnavailable,
    BudgetExhausted,
    Conflict,
    Deferred,
    Degraded,
    Outage,
    Permanent,
    Poison,
    RateLimited,
    Transient,
)

LIMITS = Limits(retry_base=1.0, retry_ceiling=60.0, bug_attempts=3)


def judged(error: Exception, attempt: int) -> Verdict:
    return judge(error, attempt, LIMITS, lambda: 0.0)


@pytest.mark.requirement("NR-1")
@pytest.mark.parametrize("failure", [Transient, RateLimited, Degraded])
def test_a_passing_fault_is_tried_again_later_and_later(failure: type[Transient]) -> None:
    waits = [judged(failure("x"), attempt) for attempt in (1, 2, 3, 100_000)]
    assert waits == [TryAgain(1.0), TryAgain(2.0), TryAgain(4.0), TryAgain(60.0)]


@pytest.mark.requirement("NR-1", "NR-3")
def test_an_outage_is_looked_at_later_and_later_and_costs_the_record_nothing() -> None:
    waits = [judged(Outage("x"), attempt) for attempt in (1, 2, 100_000)]
    assert waits == [LookAgain(1.0), LookAgain(2.0), LookAgain(60.0)]


@pytest.mark.requirement("NR-3")
@pytest.mark.parametrize(
    ("told", "waited"),
    [(25.0, 25.0), (None, LIMITS.retry_ceiling), (0.0, LIMITS.retry_base), (300.0, 300.0)],
)
@pytest.mark.parametrize("failure", [AllUnavailable, Deferred])
def test_when_nothing_was_tried_one_looks_when_it_is_told_to_and_pays_nothing(
    failure: type[Deferred], told: float | None, waited: float
) -> None:
    assert judged(failure("x", retry_after=told), 1) == LookAgain(waited)


@pytest.mark.requirement("NR-4")
def test_a_spent_budget_is_not_told_as_nothing_tried() -> None:
    assert judged(BudgetExhausted("x"), 1) == TryAgain(1.0)


@pytest.mark.requirement("NR-4")
def test_a_spent_budget_is_no_failed_probe() -> None:
    assert judge(BudgetExhausted("x"), 1, LIMITS, lambda: 0.0, looked=True) == TryAgain(1.0)


@pytest.mark.requirement("NR-3")
@pytest.mark.parametrize("failure", [Transient, RateLimited, Degraded, Outage])
def test_a_probe_that_fails_is_no_attempt_of_the_record(failure: type[Transient]) -> None:
    assert judge(failure("x"), 5, LIMITS, lambda: 0.0, looked=True) == LookAgain(1.0)


@pytest.mark.parametrize("failure", [Permanent("x"), KeyError("x")])
def test_a_probe_does_not_hide_what_is_final_or_a_bug(failure: Exception) -> None:
    verdict = judge(failure, LIMITS.bug_attempts, LIMITS, lambda: 0.0, looked=True)
    assert verdict == GiveUp()


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

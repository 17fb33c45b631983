"""A breaker opens on the failure rate of the last 60 s, and closes only after three good probes."""

from __future__ import annotations

import pytest

from mint_resilience.breaker import (
    Breaker,
    BreakerPolicy,
    Outcome,
    State,
    Transition,
    judge,
)
from mint_resilience.failures import (
    AllUnavailable,
    BudgetExhausted,
    Conflict,
    Degraded,
    Failure,
    Outage,
    Permanent,
    Poison,
    RateLimited,
    Transient,
)

pytestmark = pytest.mark.requirement("NR-2")

POLICY = BreakerPolicy()


class Trial:
    """A breaker, the time it lives in, and what it told of itself."""

    def __init__(self, policy: BreakerPolicy = POLICY) -> None:
        self.now = 1000.0
        self.told: list[Transition] = []
        self.breaker = Breaker(policy, clock=lambda: self.now, on_transition=self.told.append)

    def calls(self, outcome: Outcome, times: int = 1) -> None:
        for _ in range(times):
            permit = self.breaker.acquire()
            assert permit is not None, "the breaker let no call through"
            self.breaker.report(permit, outcome, "503")

    def state(self) -> State:
        return self.breaker.state

    def opened(self) -> Trial:
        self.calls(Outcome.FAILURE, POLICY.minimum_calls)
        assert self.state() is State.OPEN
        return self

    def half_open(self) -> Trial:
        self.opened().now += POLICY.probe_interval
        return self


def test_at_half_of_the_calls_failed_it_opens() -> None:
    trial = Trial()
    trial.calls(Outcome.SUCCESS, 5)
    trial.calls(Outcome.FAILURE, 4)
    assert trial.state() is State.CLOSED
    trial.calls(Outcome.FAILURE)
    assert trial.state() is State.OPEN


def test_below_half_it_stays_closed() -> None:
    trial = Trial()
    for _ in range(100):
        trial.calls(Outcome.SUCCESS, 2)
        trial.calls(Outcome.FAILURE)
    assert trial.state() is State.CLOSED


def test_below_the_minimum_of_calls_it_stays_closed() -> None:
    trial = Trial()
    trial.calls(Outcome.FAILURE, POLICY.minimum_calls - 1)
    assert trial.state() is State.CLOSED


def test_failures_older_than_the_window_do_not_count() -> None:
    trial = Trial()
    trial.calls(Outcome.FAILURE, 9)
    trial.now += 60.0
    trial.calls(Outcome.FAILURE, 9)
    assert trial.state() is State.CLOSED


def test_failures_within_the_window_count_across_its_seconds() -> None:
    trial = Trial()
    trial.calls(Outcome.FAILURE, 9)
    trial.now += 58.9
    trial.calls(Outcome.FAILURE)
    assert trial.state() is State.OPEN


def test_while_open_nothing_is_let_through_before_the_probe_is_due() -> None:
    trial = Trial().opened()
    trial.now += 29.9
    assert trial.breaker.acquire() is None
    assert trial.breaker.wait() == pytest.approx(0.1)


def test_one_probe_is_let_through_every_thirty_seconds() -> None:
    trial = Trial().opened()
    granted = []
    for second in range(1, 121):
        trial.now += 1
        permit = trial.breaker.acquire()
        if permit is not None:
            granted.append(second)
            trial.breaker.report(permit, Outcome.FAILURE)
    assert granted == [30, 60, 90, 120]


def test_a_probe_that_never_answers_does_not_block_the_next_one_for_ever() -> None:
    trial = Trial().half_open()
    assert trial.breaker.acquire() is not None
    assert trial.breaker.acquire() is None
    trial.now += 30
    assert trial.breaker.acquire() is not None


def test_a_hastened_probe_is_let_through_at_once_and_only_one() -> None:
    trial = Trial().opened()

    trial.breaker.hasten()

    assert trial.breaker.acquire() is not None
    assert trial.breaker.acquire() is None


@pytest.mark.requirement("RE-9")
def test_who_has_tried_patiently_opens_it_whatever_the_rate_and_it_is_probed_as_ever() -> None:
    trial = Trial()
    trial.calls(Outcome.SUCCESS, 50)

    trial.breaker.trip("refused, four times in a row")

    assert (trial.state(), trial.breaker.wait()) == (State.OPEN, POLICY.probe_interval)
    assert trial.told[-1].reason == "refused, four times in a row"
    trial.now += POLICY.probe_interval
    trial.calls(Outcome.SUCCESS, POLICY.successes_to_close)
    assert trial.state() is State.CLOSED


def test_what_is_forced_or_open_already_is_not_opened_by_who_calls() -> None:
    trial = Trial()
    trial.breaker.force_closed("ann")
    trial.breaker.trip("refused")
    assert trial.state() is State.FORCED_CLOSED

    trial = Trial().opened()
    trial.now += 1
    trial.breaker.trip("refused")
    assert trial.breaker.wait() == POLICY.probe_interval - 1


def test_what_is_forced_or_not_open_is_not_hastened() -> None:
    trial = Trial()
    trial.breaker.hasten()
    assert trial.state() is State.CLOSED
    trial.breaker.force_open("operator")

    trial.breaker.hasten()

    assert trial.breaker.acquire() is None


def test_three_good_probes_in_a_row_close_it() -> None:
    trial = Trial().half_open()
    trial.calls(Outcome.SUCCESS, 2)
    assert trial.state() is State.HALF_OPEN
    trial.calls(Outcome.SUCCESS)
    assert trial.state() is State.CLOSED


def test_while_half_open_calls_go_through_one_at_a_time() -> None:
    trial = Trial().half_open()
    trial.calls(Outcome.SUCCESS)
    assert trial.breaker.acquire() is not None
    assert trial.breaker.acquire() is None


def test_the_first_failed_probe_opens_it_again() -> None:
    trial = Trial().half_open()
    trial.calls(Outcome.SUCCESS, 2)
    trial.calls(Outcome.FAILURE)
    assert trial.state() is State.OPEN
    assert trial.breaker.wait() == 30.0


def test_probes_are_counted_anew_after_it_opened_again() -> None:
    trial = Trial().half_open()
    trial.calls(Outcome.SUCCESS, 2)
    trial.calls(Outcome.FAILURE)
    trial.now += POLICY.probe_interval
    trial.calls(Outcome.SUCCESS, 2)
    assert trial.state() is State.HALF_OPEN


def test_once_closed_again_the_old_failures_are_forgotten() -> None:
    trial = Trial().half_open()
    trial.calls(Outcome.SUCCESS, 3)
    trial.calls(Outcome.FAILURE, POLICY.minimum_calls - 1)
    assert trial.state() is State.CLOSED


def test_an_outcome_from_before_the_last_change_is_ignored() -> None:
    trial = Trial()
    late = trial.breaker.acquire()
    assert late is not None
    trial.half_open()
    trial.calls(Outcome.SUCCESS)
    trial.breaker.report(late, Outcome.FAILURE, "the reply of a call begun long ago")
    assert trial.state() is State.HALF_OPEN


def test_what_says_nothing_changes_nothing() -> None:
    trial = Trial()
    trial.calls(Outcome.NOTHING, 100)
    assert trial.state() is State.CLOSED


def test_forced_open_it_lets_nothing_through_until_released() -> None:
    trial = Trial()
    trial.breaker.force_open("maintenance")
    trial.now += 10_000
    assert trial.breaker.acquire() is None
    trial.breaker.release("maintenance is over")
    assert trial.state() is State.CLOSED


def test_forced_closed_it_lets_everything_through_until_released() -> None:
    trial = Trial()
    trial.breaker.force_closed("the only endpoint there is")
    trial.calls(Outcome.FAILURE, 100)
    trial.breaker.release("there is another one")
    trial.opened()


def test_releasing_what_was_not_forced_changes_nothing() -> None:
    trial = Trial().opened()
    trial.breaker.release("a slip")
    assert trial.state() is State.OPEN


def test_every_transition_is_told_with_its_time_and_reason() -> None:
    trial = Trial().half_open()
    trial.calls(Outcome.SUCCESS, 3)
    assert trial.told == [
        Transition(1000.0, State.CLOSED, State.OPEN, "10 of 10 calls failed within 60 s: 503"),
        Transition(1030.0, State.OPEN, State.HALF_OPEN, "probe is due"),
        Transition(1030.0, State.HALF_OPEN, State.CLOSED, "3 probes in a row succeeded"),
    ]


def test_what_opened_it_is_told_by_the_newest_failure_also_when_a_good_call_decides() -> None:
    trial = Trial(BreakerPolicy(minimum_calls=3))
    for outcome, reason, failure in (
        (Outcome.FAILURE, "503", "transient"),
        (Outcome.FAILURE, "refused", "outage"),
        (Outcome.SUCCESS, "ok after 0.1 s", None),
    ):
        permit = trial.breaker.acquire()
        assert permit is not None
        trial.breaker.report(permit, outcome, reason, failure)
    (opened,) = trial.told
    assert opened.reason == "2 of 3 calls failed within 60 s: refused"
    assert opened.failure == "outage"


@pytest.mark.requirement("NR-1", "NR-3")
@pytest.mark.parametrize(
    ("failure", "seconds", "outcome"),
    [
        (None, 30.0, Outcome.SUCCESS),
        (None, 30.1, Outcome.FAILURE),
        (Transient("503"), 0.1, Outcome.FAILURE),
        (Outage("refused"), 0.1, Outcome.FAILURE),
        (Degraded("slow"), 31.0, Outcome.FAILURE),
        (Permanent("404"), 0.1, Outcome.SUCCESS),
        (Permanent("404"), 31.0, Outcome.FAILURE),
        (Conflict("there already"), 0.1, Outcome.SUCCESS),
        (Poison("not decodable"), 0.1, Outcome.SUCCESS),
        (RateLimited("429"), 0.1, Outcome.NOTHING),
        (AllUnavailable("all open"), 0.1, Outcome.NOTHING),
        (BudgetExhausted("no more"), 0.1, Outcome.NOTHING),
    ],
)
def test_what_a_call_says_of_its_endpoint(
    failure: Failure | None, seconds: float, outcome: Outcome
) -> None:
    assert judge(failure, seconds, POLICY) is outcome


@pytest.mark.parametrize(
    "wrong",
    [
        {"window": 0},
        {"failure_rate": 0},
        {"failure_rate": 1.1},
        {"minimum_calls": 0},
        {"probe_interval": -1},
        {"successes_to_close": 0},
        {"slow_call": 0},
    ],
)
def test_a_policy_by_which_no_breaker_can_work_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="can not work"):
        BreakerPolicy(**wrong)  # type: ignore[arg-type]  # one dictionary for all fields

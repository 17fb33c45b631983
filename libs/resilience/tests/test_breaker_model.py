"""The breaker agrees, call by call, with a naive model that remembers every call and its time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mint_resilience.breaker import Breaker, BreakerPolicy, Outcome, Permit, State, Transition
from mint_resilience.window import SlidingWindow

POLICY = BreakerPolicy(minimum_calls=4)


class Model:
    """The rules of NR-2 over a plain list of calls; times are whole seconds."""

    def __init__(self) -> None:
        self.state = "closed"
        self.since = 0
        self.calls: list[tuple[int, bool]] = []
        self.last_grant: int | None = None
        self.successes = 0
        self.waiting_for_answer = False
        self.is_hastened = False

    def permits(self, now: int) -> bool:
        if self.state in ("closed", "forced_closed"):
            return True
        if self.state == "forced_open":
            return False
        if self.state == "open":
            return self.is_hastened or now - self.since >= 30
        return not self.waiting_for_answer or now - (self.last_grant or 0) >= 30

    def granted(self, now: int) -> None:
        if self.state == "open":
            self.become("half_open", now)
        if self.state == "half_open":
            self.last_grant = now
            self.waiting_for_answer = True

    def ended(self, now: int, began: tuple[str, int], good: bool) -> None:
        """A call ended that began in the present stay in the present state."""
        if self.state == "closed":
            self.calls.append((now, good))
            young = [good for time, good in self.calls if now - time < 60]
            if len(young) >= 4 and young.count(False) / len(young) >= 0.5:
                self.become("open", now)
        elif self.state == "half_open":
            self.waiting_for_answer = False
            self.successes += 1
            if not good:
                self.become("open", now)
            elif self.successes == 3:
                self.become("closed", now)

    def become(self, state: str, now: int) -> None:
        self.state, self.since, self.is_hastened = state, now, False
        self.calls, self.successes, self.waiting_for_answer = [], 0, False


class BreakerAgreesWithModel(RuleBasedStateMachine):
    """Calls begin and end in any order, time passes, and an operator interferes."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.stays = 0
        self.transitions: list[Transition] = []
        self.breaker = Breaker(
            POLICY, clock=lambda: float(self.now), on_transition=self.transitions.append
        )
        self.model = Model()
        self.open_calls: list[tuple[Permit, int]] = []

    def stay(self) -> int:
        """The number of the present stay in a state, by the transitions that were told."""
        return len(self.transitions)

    @rule(seconds=st.sampled_from([1, 1, 2, 7, 29, 30, 59, 60, 61]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def a_call_begins(self) -> None:
        permitted = self.model.permits(self.now)
        permit = self.breaker.acquire()
        assert (permit is not None) == permitted
        if permit is not None:
            self.model.granted(self.now)
            self.open_calls.append((permit, self.stay()))

    @precondition(lambda self: bool(self.open_calls))
    @rule(data=st.data(), good=st.booleans())
    def a_call_ends(self, data: st.DataObject, good: bool) -> None:
        index = data.draw(st.integers(0, len(self.open_calls) - 1))
        permit, stay = self.open_calls.pop(index)
        if stay == self.stay():
            self.model.ended(self.now, (self.model.state, stay), good)
        self.breaker.report(permit, Outcome.SUCCESS if good else Outcome.FAILURE)

    @precondition(lambda self: bool(self.open_calls))
    @rule()
    def a_call_ends_without_saying_anything(self) -> None:
        permit, _ = self.open_calls.pop()
        self.breaker.report(permit, Outcome.NOTHING)

    @rule(times=st.integers(1, 6), good=st.booleans())
    def several_calls_follow_each_other(self, times: int, good: bool) -> None:
        for _ in range(times):
            before = len(self.open_calls)
            self.a_call_begins()
            if len(self.open_calls) > before:
                permit, stay = self.open_calls.pop()
                self.model.ended(self.now, (self.model.state, stay), good)
                self.breaker.report(permit, Outcome.SUCCESS if good else Outcome.FAILURE)

    @rule(good=st.integers(0, 3))
    def an_outage_ends_after_the_first_probe_is_due(self, good: int) -> None:
        self.several_calls_follow_each_other(times=4, good=False)
        self.time_passes(30)
        self.several_calls_follow_each_other(times=good, good=True)

    @rule()
    def a_health_check_finds_the_endpoint_well(self) -> None:
        self.model.is_hastened = self.model.is_hastened or self.model.state == "open"
        self.breaker.hasten()

    @rule()
    def an_operator_forces_it_open(self) -> None:
        if self.model.state != "forced_open":
            self.model.become("forced_open", self.now)
        self.breaker.force_open("operator")

    @rule()
    def an_operator_forces_it_closed(self) -> None:
        if self.model.state != "forced_closed":
            self.model.become("forced_closed", self.now)
        self.breaker.force_closed("operator")

    @rule()
    def an_operator_releases_it(self) -> None:
        if self.model.state.startswith("forced"):
            self.model.become("closed", self.now)
        self.breaker.release("operator")

    @invariant()
    def they_agree(self) -> None:
        assert self.breaker.state == self.model.state
        assert (self.breaker.wait() == 0) == self.model.permits(self.now)

    @invariant()
    def the_told_transitions_lead_here(self) -> None:
        states = [State.CLOSED, *(told.after for told in self.transitions)]
        assert [told.before for told in self.transitions] == states[:-1]
        assert states[-1] is self.breaker.state


TestBreakerAgreesWithModel = pytest.mark.requirement("NR-2")(BreakerAgreesWithModel.TestCase)
TestBreakerAgreesWithModel.settings = settings(max_examples=150, stateful_step_count=60)


@pytest.mark.requirement("NR-2")
@given(
    steps=st.lists(st.tuples(st.floats(0.0, 20.0), st.booleans()), max_size=80),
    rest=st.floats(0.0, 70.0),
)
def test_a_call_is_forgotten_between_59_and_60_seconds_after_it(
    steps: list[tuple[float, bool]], rest: float
) -> None:
    window, now, calls = SlidingWindow(60.0), 0.0, []
    for pause, failed in steps:
        now += pause
        window.add(now, failed=failed)
        calls.append((now, failed))
    now += rest
    certainly = [failed for time, failed in calls if now - time < 59]
    possibly = [failed for time, failed in calls if now - time < 60]
    assert len(certainly) <= window.calls(now) <= len(possibly)
    assert sum(certainly) <= window.failures(now) <= sum(possibly)


@pytest.mark.requirement("NR-2")
def test_the_window_keeps_no_more_than_its_buckets_however_many_calls_there_are() -> None:
    window = SlidingWindow(60.0)
    for call in range(100_000):
        window.add(call / 100, failed=False)
    assert len(window._buckets) <= 60
    assert 5900 <= window.calls(1000.0) <= 6000

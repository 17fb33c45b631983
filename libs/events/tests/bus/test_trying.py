"""What the retries of a step cost, and what waiting for a dependency does not cost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from mint_events.bus.limits import Limits
from mint_events.bus.recovery import Recovery
from mint_events.bus.trying import Exhausted, GivenUp, Trying
from mint_resilience.backoff import Backoff, retry
from mint_resilience.breaker import BreakerPolicy
from mint_resilience.budget import current_budget
from mint_resilience.endpoint import Endpoint
from mint_resilience.endpoints import EndpointPool
from mint_resilience.failures import (
    AllUnavailable,
    BudgetExhausted,
    Failure,
    Outage,
    Permanent,
    Transient,
)

LIMITS = Limits(retry_base=1.0, retry_ceiling=60.0, budget_attempts=3, budget_seconds=1000.0)
UNAVAILABLE = AllUnavailable("all open", retry_after=30.0)


class Waits:
    """Passes the time at once, and remembers how much of it, and who would have been woken."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.wakeable: list[bool] = []

    async def __call__(self, seconds: float, woken: asyncio.Event | None = None) -> None:
        self.seconds.append(seconds)
        self.wakeable.append(woken is not None)


def failing(*failures: Exception) -> Callable[[], Awaitable[str]]:
    """A step that ends in these failures, one after the other, and then well."""
    left = list(failures)

    async def step() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return step


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def trying(waits: Waits) -> Trying:
    return Trying(LIMITS, waits, Recovery())


@pytest.mark.requirement("NR-4", "NR-6")
async def test_after_its_attempts_a_record_is_exhausted_with_its_last_failure(
    trying: Trying, waits: Waits
) -> None:
    last = Transient("the third")
    with pytest.raises(Exhausted) as outcome:
        await trying.within_budget(failing(Transient("1"), Transient("2"), last))
    assert (outcome.value.attempts, outcome.value.failure) == (3, last)
    assert len(waits.seconds) == 2, "after the last attempt nothing is waited for"


@pytest.mark.requirement("NR-3")
async def test_waiting_for_a_breaker_costs_no_attempt_however_often(
    trying: Trying, waits: Waits
) -> None:
    outage = [UNAVAILABLE] * 100
    step = failing(Transient("1"), *outage, Transient("2"))
    assert await trying.within_budget(step) == "done"
    assert min(waits.seconds[1:101]) >= 30.0
    assert all(waits.wakeable[1:101]), "each wait ends early when something recovers"


@pytest.mark.requirement("NR-3")
async def test_the_probes_of_an_open_breaker_cost_no_attempt(trying: Trying) -> None:
    outage: list[Exception] = [UNAVAILABLE, Transient("a probe that timed out")] * 50
    assert await trying.within_budget(failing(*outage)) == "done"


@pytest.mark.requirement("NR-3")
async def test_only_what_directly_follows_unavailability_is_a_probe(trying: Trying) -> None:
    failures = [UNAVAILABLE, *(Transient(str(n)) for n in range(4))]
    with pytest.raises(Exhausted):
        await trying.within_budget(failing(*failures))


@pytest.mark.requirement("NR-3")
async def test_an_outage_uses_up_nothing(trying: Trying) -> None:
    assert await trying.within_budget(failing(*[Outage("refused")] * 50)) == "done"


@pytest.mark.requirement("NR-3", "NR-4")
async def test_the_time_of_the_budget_stands_still_while_a_dependency_is_away() -> None:
    """Given 0.2 s for retries, when all is unavailable for longer, then there is time left."""
    limits = Limits(retry_base=0.001, budget_attempts=3, budget_seconds=0.2)
    left: list[float] = []

    async def wait(seconds: float, woken: asyncio.Event | None = None) -> None:
        del seconds
        await asyncio.sleep(0.3 if woken is not None else 0.0)

    unavailable = failing(UNAVAILABLE)

    async def step() -> str:
        budget = current_budget()
        assert budget is not None
        left.append(budget.seconds_left)
        return await unavailable()

    assert await Trying(limits, wait, Recovery()).within_budget(step) == "done"
    assert left[-1] > 0.0


@pytest.mark.requirement("NR-4")
async def test_retries_inside_the_handler_draw_on_the_same_budget(trying: Trying) -> None:
    """Given 3 attempts for the record, two layers of 3 each do not make 9."""
    asked = 0

    async def ask() -> None:
        nonlocal asked
        asked += 1
        raise Transient("not now")

    async def sleep(_: float) -> None:
        return

    with pytest.raises(Exhausted) as outcome:
        await trying.within_budget(lambda: retry(ask, Backoff(attempts=3, base=0.0), sleep=sleep))
    assert asked == 3
    assert isinstance(outcome.value.failure, Transient)


@pytest.mark.requirement("NR-4")
async def test_a_handler_that_says_its_budget_is_used_up_is_not_tried_again(
    trying: Trying, waits: Waits
) -> None:
    with pytest.raises(Exhausted):
        await trying.within_budget(failing(BudgetExhausted("enough")))
    assert waits.seconds == []


@pytest.mark.parametrize("failure", [Transient("x"), UNAVAILABLE, BudgetExhausted("x")])
async def test_without_a_budget_a_step_is_tried_until_it_is_done(
    trying: Trying, failure: Failure
) -> None:
    assert await trying.until_done(failing(*[failure] * 50)) == "done"


async def test_what_is_final_is_given_up_with_or_without_a_budget(trying: Trying) -> None:
    with pytest.raises(GivenUp):
        await trying.until_done(failing(Permanent("no")))
    with pytest.raises(GivenUp):
        await trying.within_budget(failing(Permanent("no")))


@pytest.mark.requirement("NR-3")
async def test_who_waits_is_woken_by_the_next_announcement_only() -> None:
    recovery = Recovery()
    before = recovery.next
    recovery.announce()
    assert before.is_set()
    assert not recovery.next.is_set(), "who begins to wait now waits for news"


class Provider:
    """One endpoint behind a breaker; it answers 503 while it is `away`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.away = True
        self.asked = 0
        self._pool = EndpointPool(
            "provider",
            [Endpoint(name="only", target=self)],
            clock=clock,
            policy=BreakerPolicy(minimum_calls=2, probe_interval=30.0, successes_to_close=1),
        )

    async def answer(self) -> str:
        self.asked += 1
        if self.away:
            raise Transient("HTTP 503")
        return "done"

    async def __call__(self) -> str:
        return await self._pool.call(lambda provider: provider.answer())


async def at_once(_: float) -> None:
    return


@pytest.mark.requirement("NR-3", "NR-4")
async def test_probes_inside_a_nested_retry_cost_nothing_however_long_the_outage() -> None:
    """Given an outage of 200 probes, each made by a retry inside of the handler, then the record
    has its budget still, but for what failed before the breaker opened."""
    now = 0.0
    provider = Provider(lambda: now)
    left: list[int] = []

    async def wait(seconds: float, woken: asyncio.Event | None = None) -> None:
        nonlocal now
        now += seconds

    async def step() -> str:
        budget = current_budget()
        assert budget is not None
        left.append(budget.attempts_left)
        provider.away = provider.asked < 200
        return await retry(provider, Backoff(attempts=5, base=1.0), sleep=at_once)

    assert await Trying(LIMITS, wait, Recovery()).within_budget(step) == "done"
    assert provider.asked > 200
    assert left == [LIMITS.budget_attempts] * len(left)


@pytest.mark.requirement("NR-3", "NR-4")
async def test_a_probe_that_hangs_costs_the_record_no_time() -> None:
    """Given 0.2 s for retries, when a probe takes longer than that, then there is time left."""
    limits = Limits(retry_base=0.001, budget_attempts=3, budget_seconds=0.2)
    left: list[float] = []
    outcomes = iter((UNAVAILABLE, Transient("a probe"), UNAVAILABLE))

    async def step() -> str:
        budget = current_budget()
        assert budget is not None
        left.append(budget.seconds_left)
        if (failure := next(outcomes, None)) is None:
            return "done"
        await asyncio.sleep(0.3)
        raise failure

    assert await Trying(limits, Waits(), Recovery()).within_budget(step) == "done"
    assert min(left) > 0.0


@pytest.mark.requirement("NR-4")
async def test_a_budget_that_is_spent_after_unavailability_is_spent(trying: Trying) -> None:
    """Given nobody could be asked before, when the retries inside say that the budget is used up,
    then the record is parked: it is not asked about it once more, with no attempt left."""
    with pytest.raises(Exhausted):
        await trying.within_budget(failing(UNAVAILABLE, BudgetExhausted("enough")))


def told(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.requirement("NR-1", "OB-1")
@pytest.mark.parametrize(
    ("failures", "outcome", "ends"),
    [
        ([Transient("1")], "helped", None),
        ([Outage("refused")], "helped", None),
        ([Transient("1")] * 3, "failed", Exhausted),
        ([Transient("1"), Permanent("no")], "failed", GivenUp),
    ],
)
async def test_it_is_counted_whether_retries_helped(
    trying: Trying, failures: list[Exception], outcome: str, ends: type[Exception] | None
) -> None:
    before = told("trimint_record_retry_outcomes_total", outcome=outcome)
    with nullcontext() if ends is None else pytest.raises(ends):
        await trying.within_budget(failing(*failures))
    assert told("trimint_record_retry_outcomes_total", outcome=outcome) == before + 1


@pytest.mark.requirement("NR-1", "NR-3", "OB-1")
async def test_waiting_is_no_retry_and_its_log_line_names_the_class(trying: Trying) -> None:
    """Given waits for a breaker alone, then no retry is counted, and nothing that helped."""

    def counted() -> list[float]:
        kinds = ("unavailable", "deferred", "exhausted", "transient")
        outcomes = ("helped", "failed")
        return [told("trimint_record_retries_total", failure=kind) for kind in kinds] + [
            told("trimint_record_retry_outcomes_total", outcome=outcome) for outcome in outcomes
        ]

    before = counted()
    with capture_logs() as lines:
        assert await trying.within_budget(failing(UNAVAILABLE, UNAVAILABLE)) == "done"
    assert counted() == before
    assert [(line["event"], line["failure"], line["log_level"]) for line in lines] == [
        ("waiting for a dependency", "unavailable", "info"),
        ("waiting for a dependency", "unavailable", "debug"),
    ]


@pytest.mark.requirement("NR-1", "OB-1")
async def test_a_record_that_is_parked_was_not_tried_again_for_its_last_failure(
    trying: Trying,
) -> None:
    before = told("trimint_record_retries_total", failure="transient")
    with capture_logs() as lines, pytest.raises(Exhausted):
        await trying.within_budget(failing(*[Transient("x")] * 3))
    assert told("trimint_record_retries_total", failure="transient") == before + 2
    assert [(line["failure"], line["attempt"]) for line in lines] == [
        ("transient", attempt) for attempt in (1, 2, 3)
    ]
    assert lines[0]["next_in"] >= LIMITS.retry_base

"""However deep retries are nested, a mint has one budget of attempts and time for all of them."""

from __future__ import annotations

import asyncio

import pytest

from mint_resilience.backoff import Backoff, retry
from mint_resilience.budget import Budget, current_budget, spending
from mint_resilience.failures import AllUnavailable, BudgetExhausted, Deferred, Outage, Transient

pytestmark = pytest.mark.requirement("NR-4")

POLICY = Backoff(attempts=5, base=1.0)


class World:
    """A time that passes while somebody sleeps, and an operation that always fails."""

    def __init__(self) -> None:
        self.now = 0.0
        self.tried = 0

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    async def operation(self) -> None:
        self.tried += 1
        raise Transient(f"attempt {self.tried}")

    def budget(self, *, attempts: int = 100, seconds: float = 1e6) -> Budget:
        return Budget(attempts=attempts, seconds=seconds, clock=lambda: self.now)

    async def once(self) -> None:
        await retry(self.operation, POLICY, sleep=self.sleep, random=lambda: 0.0)

    async def nested(self) -> None:
        await retry(self.once, POLICY, sleep=self.sleep, random=lambda: 0.0)


async def test_without_a_budget_nested_retries_multiply() -> None:
    world = World()
    with pytest.raises(Transient):
        await world.nested()
    assert world.tried == 25


@pytest.mark.parametrize("attempts", [1, 2, 7, 24])
async def test_nested_retries_share_the_attempts(attempts: int) -> None:
    world = World()
    with spending(world.budget(attempts=attempts)), pytest.raises(BudgetExhausted) as raised:
        await world.nested()
    assert world.tried == attempts
    assert str(raised.value.__cause__) == f"attempt {attempts}"


async def test_a_budget_that_is_larger_than_what_the_policies_allow_changes_nothing() -> None:
    world = World()
    budget = world.budget(attempts=25)
    with spending(budget), pytest.raises(Transient, match="attempt 25"):
        await world.nested()
    assert budget.attempts_left == 1, "the last attempt is followed by none, so nobody pays for it"


async def test_operations_after_each_other_share_the_attempts() -> None:
    world = World()
    with spending(world.budget(attempts=6)):
        with pytest.raises(Transient):
            await world.once()
        with pytest.raises(BudgetExhausted):
            await world.once()
    assert world.tried == 7, "four failures of the first are paid for, and two of the second"


async def test_no_retry_begins_after_the_time_is_over() -> None:
    world = World()
    with spending(world.budget(seconds=3.0)), pytest.raises(BudgetExhausted, match="3 s"):
        await world.once()
    assert (world.tried, world.now) == (2, 1.0), "the wait of 2 s would have ended with the time"


async def test_nothing_begins_after_the_time_is_over() -> None:
    world = World()
    budget = world.budget(seconds=3.0)
    world.now = 3.0
    with spending(budget), pytest.raises(BudgetExhausted, match="are over"):
        await world.once()
    assert world.tried == 0


@pytest.mark.requirement("NR-3")
async def test_exhaustion_means_to_wait_and_not_that_the_mint_failed() -> None:
    world = World()
    with spending(world.budget(attempts=1)), pytest.raises(Deferred, match="wait durably"):
        await world.once()


@pytest.mark.requirement("NR-3")
async def test_waiting_for_an_endpoint_costs_nothing() -> None:
    async def unavailable() -> None:
        raise AllUnavailable("all breakers are open")

    budget = World().budget(attempts=3)
    for _ in range(10):
        with pytest.raises(AllUnavailable):
            await retry(unavailable, POLICY, budget=budget)
    assert budget.attempts_left == 3


async def test_an_explicit_budget_goes_before_the_one_in_force() -> None:
    world = World()
    with spending(world.budget(attempts=1)), pytest.raises(BudgetExhausted, match="3 attempts"):
        await retry(world.operation, POLICY, budget=world.budget(attempts=3), sleep=world.sleep)
    assert world.tried == 3


async def test_a_budget_holds_for_tasks_begun_within_it_and_for_nobody_else() -> None:
    world = World()

    async def task() -> Budget | None:
        return current_budget()

    with spending(world.budget()) as budget:
        inside = asyncio.create_task(task())
    assert await inside is budget
    assert current_budget() is None


@pytest.mark.requirement("NR-3")
async def test_attempts_that_end_in_unavailability_are_refunded_and_others_are_not() -> None:
    """Given a probe that fails, so that the breaker is open again, then it was no attempt; what
    another operation paid for stays paid."""
    world = World()
    budget = world.budget(attempts=10)
    outcomes: list[Exception] = [Transient("a hiccup")]

    async def operation() -> None:
        if outcomes:
            raise outcomes.pop(0)

    with spending(budget):
        await retry(operation, POLICY, sleep=world.sleep)
        assert budget.attempts_left == 9
        for _ in range(50):
            outcomes[:] = [Transient("a probe"), AllUnavailable("open again")]
            with pytest.raises(AllUnavailable):
                await retry(operation, POLICY, sleep=world.sleep)
    assert budget.attempts_left == 9


@pytest.mark.requirement("NR-3")
async def test_an_outage_that_is_tried_again_costs_time_but_no_attempt() -> None:
    world = World()
    policy = Backoff(attempts=30, base=1.0, ceiling=1.0, retried=(Outage,))

    async def refused() -> None:
        raise Outage("refused")

    with spending(world.budget(attempts=2)) as budget, pytest.raises(Outage):
        await retry(refused, policy, sleep=world.sleep)
    assert budget.attempts_left == 2
    with spending(world.budget(seconds=5.0)), pytest.raises(BudgetExhausted):
        await retry(refused, policy, sleep=world.sleep)

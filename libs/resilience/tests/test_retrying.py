"""Whoever is told of retries hears of each, and in the end whether they helped."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import nullcontext
from functools import partial

import pytest

from mint_resilience.backoff import Backoff, retry
from mint_resilience.budget import Budget
from mint_resilience.failures import (
    AllUnavailable,
    Failure,
    Permanent,
    RateLimited,
    Transient,
)
from mint_resilience.retrying import Outcome, name_of, observe_retries

POLICY = Backoff(attempts=3, base=1.0)


class Told:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.retries: list[tuple[str, str, int, float]] = []
        self.outcomes: list[tuple[str, Outcome]] = []

    def retried(self, operation: str, failure: Failure, attempt: int, seconds: float) -> None:
        self.retries.append((operation, failure.kind, attempt, seconds))

    def settled(self, operation: str, outcome: Outcome) -> None:
        self.outcomes.append((operation, outcome))


@pytest.fixture
def told() -> Iterator[Told]:
    told = Told()
    before = observe_retries(told)
    yield told
    observe_retries(before)


def failing(*failures: Exception) -> Callable[[], Awaitable[str]]:
    left = list(failures)

    async def operation() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return operation


async def tried(
    *failures: Exception, policy: Backoff = POLICY, budget: Budget | None = None
) -> str:
    async def sleep(_: float) -> None:
        return

    operation = failing(*failures)
    return await retry(
        operation, policy, name="ask", sleep=sleep, budget=budget, random=lambda: 0.0
    )


@pytest.mark.requirement("NR-1", "OB-1")
async def test_each_retry_is_told_with_its_class_attempt_and_wait(told: Told) -> None:
    assert await tried(Transient("a"), RateLimited("b", retry_after=7.0)) == "done"
    assert told.retries == [("ask", "transient", 1, 1.0), ("ask", "rate_limited", 2, 7.0)]
    assert told.outcomes == [("ask", Outcome.HELPED)]


@pytest.mark.requirement("NR-1", "OB-1")
@pytest.mark.parametrize(
    ("failures", "outcome"),
    [
        ([Transient("x")] * 3, Outcome.FAILED),
        ([Transient("x"), Permanent("no")], Outcome.FAILED),
        ([Transient("x"), KeyError("a bug")], Outcome.FAILED),
        ([Transient("x"), AllUnavailable("open")], Outcome.UNAVAILABLE),
    ],
)
async def test_what_came_of_retries_that_did_not_help_is_told(
    told: Told, failures: list[Exception], outcome: Outcome
) -> None:
    with pytest.raises(type(failures[-1])):
        await tried(*failures)
    assert told.outcomes == [("ask", outcome)]


@pytest.mark.requirement("OB-1")
@pytest.mark.parametrize("failures", [[], [Permanent("no")], [AllUnavailable("open")]])
async def test_of_what_was_tried_once_nothing_is_told(
    told: Told, failures: list[Exception]
) -> None:
    with pytest.raises(Failure) if failures else nullcontext():
        await tried(*failures)
    assert (told.retries, told.outcomes) == ([], [])


@pytest.mark.requirement("NR-4", "OB-1")
async def test_an_attempt_that_the_budget_does_not_allow_is_no_retry(told: Told) -> None:
    budget = Budget(attempts=2, seconds=1e6, clock=lambda: 0.0)
    with pytest.raises(Failure, match="2 attempts failed"):
        await tried(*[Transient("x")] * 3, budget=budget)
    assert [attempt for _, _, attempt, _ in told.retries] == [1]
    assert told.outcomes == [("ask", Outcome.FAILED)]


class Client:
    async def ask(self, _: int = 0) -> None: ...

    def asking(self) -> Callable[[], Awaitable[None]]:
        return lambda: self.ask()

    async def __call__(self) -> None: ...


def test_an_operation_is_named_by_where_it_is_written() -> None:
    client = Client()
    assert name_of(client.ask) == name_of(partial(partial(client.ask), 1)) == "Client.ask"
    assert name_of(client.asking()) == "Client.asking"
    assert name_of(client) == "Client"

"""Waits follow the document's formula, and each class of failure is tried as often as it says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mint_resilience import backoff
from mint_resilience.backoff import Backoff, retry, wait, wait_after
from mint_resilience.failures import (
    Conflict,
    Degraded,
    Failure,
    Outage,
    Permanent,
    Poison,
    RateLimited,
    Transient,
)


class Sleeps:
    """Remembers how long it was asked to sleep, and does not."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def failing(*failures: Exception) -> Callable[[], Awaitable[str]]:
    """Give an operation that fails so, one after the other, then succeeds."""
    left = list(failures)

    async def operation() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return operation


def no_jitter() -> float:
    return 0.0


@pytest.mark.requirement("NR-1")
@given(
    attempt=st.integers(1, 10),
    base=st.floats(0.0, 60.0),
    random=st.floats(0.0, 1.0, exclude_max=True),
)
def test_a_wait_is_exponential_with_at_most_ten_percent_jitter(
    attempt: int, base: float, random: float
) -> None:
    plain = base * 2 ** (attempt - 1)
    assert plain <= wait(attempt, base, lambda: random) <= plain * 1.1


@pytest.mark.requirement("NR-1")
@pytest.mark.parametrize(
    ("policy", "waits"),
    [
        (backoff.TRANSIENT, [1.0, 2.0]),
        (backoff.GATE_IPFS, [1.0, 2.0]),
        (backoff.GATE_DATABASE, [0.5]),
        (backoff.UPLOAD, [1.0, 2.0, 4.0, 8.0]),
        (backoff.PENDING_RECORD, [0.5, 1.0]),
        (backoff.SUBMIT, [2.0, 4.0]),
        (backoff.DEADLOCK, [0.0]),
        (backoff.RECONNECT, [0.5, 1.0, 2.0]),
    ],
)
async def test_a_policy_waits_as_the_document_says_and_then_gives_up(
    policy: Backoff, waits: list[float]
) -> None:
    sleeps = Sleeps()
    always = failing(*(Transient(str(n)) for n in range(99)))
    with pytest.raises(Transient) as caught:
        await retry(always, policy, sleep=sleeps, random=no_jitter)
    assert sleeps.seconds == waits
    assert str(caught.value) == str(len(waits)), "the last attempt's failure is the one raised"


@pytest.mark.requirement("NR-1")
async def test_a_rate_limit_is_tried_five_times() -> None:
    sleeps = Sleeps()
    with pytest.raises(RateLimited):
        await retry(
            failing(*(RateLimited("429") for _ in range(99))),
            backoff.TRANSIENT,
            sleep=sleeps,
            random=no_jitter,
        )
    assert sleeps.seconds == [1.0, 2.0, 4.0, 8.0]


@pytest.mark.requirement("NR-1")
async def test_the_other_sides_wish_is_the_least_wait() -> None:
    sleeps = Sleeps()
    operation = failing(RateLimited("429", retry_after=17.0), RateLimited("429", retry_after=0.1))
    assert await retry(operation, backoff.TRANSIENT, sleep=sleeps, random=no_jitter) == "done"
    assert sleeps.seconds == [17.0, 2.0]


@pytest.mark.requirement("NR-1")
@pytest.mark.parametrize("failure", [Permanent, Outage, Conflict, Poison])
async def test_what_trying_again_cannot_cure_is_tried_once(failure: type[Failure]) -> None:
    sleeps = Sleeps()
    with pytest.raises(failure):
        await retry(failing(failure("no")), backoff.TRANSIENT, sleep=sleeps)
    assert sleeps.seconds == []


async def test_a_bug_goes_through_at_once() -> None:
    with pytest.raises(KeyError):
        await retry(failing(KeyError("bug")), backoff.TRANSIENT, sleep=Sleeps())


async def test_an_outage_is_retried_where_there_is_no_other_endpoint() -> None:
    sleeps = Sleeps()
    assert await retry(failing(Outage("refused")), backoff.RECONNECT, sleep=sleeps) == "done"
    assert len(sleeps.seconds) == 1


async def test_every_retry_is_reported_with_its_failure_attempt_and_wait() -> None:
    seen: list[tuple[str, int, float]] = []
    await retry(
        failing(Transient("a"), Degraded("b")),
        backoff.TRANSIENT,
        on_retry=lambda failure, attempt, seconds: seen.append((failure.kind, attempt, seconds)),
        sleep=Sleeps(),
        random=no_jitter,
    )
    assert seen == [("transient", 1, 1.0), ("degraded", 2, 2.0)]


@pytest.mark.requirement("NR-1")
def test_a_wish_is_heeded_as_far_as_the_policy_does() -> None:
    policy = Backoff(attempts=3, base=1.0, most_heeded=30.0)

    waits = [
        wait_after(Transient("x", retry_after=wish), 1, policy, no_jitter)
        for wish in (0.5, 20.0, 3600.0)
    ]

    assert waits == [1.0, 20.0, 30.0]


def test_the_ceiling_bounds_a_wait_but_not_the_other_sides_wish() -> None:
    policy = Backoff(attempts=50, base=1.0, ceiling=8.0)
    assert wait_after(Transient("x"), 40, policy, no_jitter) <= 8.8
    assert wait_after(RateLimited("x", retry_after=90.0), 40, policy, no_jitter) == 90.0


def test_the_ten_thousandth_attempt_still_has_a_wait() -> None:
    policy = Backoff(attempts=10_000, base=1.0, ceiling=60.0)
    assert wait_after(Transient("x"), 10_000, policy, no_jitter) <= 66.0


async def test_cancellation_is_not_retried() -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    sleeps = Sleeps()
    with pytest.raises(asyncio.CancelledError):
        await retry(cancelled, backoff.TRANSIENT, sleep=sleeps)
    assert sleeps.seconds == []


@pytest.mark.requirement("NR-1", "NR-4")
@pytest.mark.parametrize(
    ("failure", "tried_again"),
    [
        (RateLimited("x", retry_after=6.0), False),
        (RateLimited("x", retry_after=2.0), True),
        (Transient("x", retry_after=6.0), False),
        (Transient("x"), True),
    ],
)
async def test_a_wait_beyond_what_may_be_waited_here_is_left_to_who_waits_durably(
    failure: Failure, tried_again: bool
) -> None:
    sleeps = Sleeps()
    policy = Backoff(attempts=3, base=1.0, most_wait=2.0)
    operation = failing(failure)
    if tried_again:
        assert await retry(operation, policy, sleep=sleeps, random=no_jitter) == "done"
        assert sleeps.seconds == [max(1.0, getattr(failure, "retry_after", None) or 0.0)]
        return
    with pytest.raises(type(failure)) as raised:
        await retry(operation, policy, sleep=sleeps, random=no_jitter)
    assert raised.value is failure
    assert sleeps.seconds == []

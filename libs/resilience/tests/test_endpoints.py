"""The best endpoint that may be asked is asked, and what it can not do the next one may."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from mint_resilience.backoff import TRANSIENT, retry
from mint_resilience.breaker import BreakerPolicy, State, Transition
from mint_resilience.budget import Budget
from mint_resilience.endpoint import Endpoint
from mint_resilience.endpoints import (
    ON_OUTAGE,
    Answered,
    EndpointPool,
    Failed,
    Skipped,
)
from mint_resilience.failures import (
    AllUnavailable,
    BudgetExhausted,
    Conflict,
    Degraded,
    Failure,
    Outage,
    Permanent,
    RateLimited,
    Transient,
)
from mint_resilience.rate import Rate

POLICY = BreakerPolicy(minimum_calls=1)


class Server:
    """Somebody who answers with its name, or fails as it is told to."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.failure: Exception | None = None
        self.asked = 0

    async def ask(self) -> str:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        return self.name


class World:
    """Servers behind a pool, the time, and what the pool's observer was told."""

    def __init__(self, *names: str, rate: Rate | None = None, **settings: float | None) -> None:
        self.now = 0.0
        self.servers = {name: Server(name) for name in names}
        self.watching: list[str] = []
        self.calls: list[tuple[str, str]] = []
        self.transitions: list[tuple[str, State]] = []
        self.failovers: list[tuple[str, str, str]] = []
        endpoints = [
            Endpoint(name=name, target=server, priority=place, rate=rate or Rate())
            for place, (name, server) in enumerate(self.servers.items())
        ]
        self.pool = EndpointPool(
            "chain",
            endpoints,
            clock=lambda: self.now,
            policy=POLICY,
            observer=self,
            **settings,  # type: ignore[arg-type]  # numbers only
        )

    def watched(self, dependency: str, endpoint: str) -> None:
        self.watching.append(endpoint)

    def called(self, dependency: str, endpoint: str, outcome: str, seconds: float) -> None:
        self.calls.append((endpoint, outcome))

    def transitioned(self, dependency: str, endpoint: str, transition: Transition) -> None:
        self.transitions.append((endpoint, transition.after))

    def failed_over(self, dependency: str, source: str, target: str, failure: Failure) -> None:
        self.failovers.append((source, target, failure.kind))

    def fail(self, *names: str, failure: Exception | None) -> None:
        for name in names:
            self.servers[name].failure = failure

    def asked(self) -> dict[str, int]:
        return {name: server.asked for name, server in self.servers.items()}

    async def ask(self, *, reading: bool = False, skip: int = 0) -> str:
        return await self.pool.call(Server.ask, reading=reading, skip=skip)


def after(world: World, seconds: float, answer: str = "late") -> Callable[[Server], Awaitable[str]]:
    """An operation that takes so long by the world's clock."""

    async def operation(_: Server) -> str:
        world.now += seconds
        return answer

    return operation


@pytest.mark.requirement("CH-5")
async def test_the_endpoint_of_the_first_priority_is_asked() -> None:
    world = World("primary", "backup")
    assert await world.ask() == "primary"
    assert world.asked() == {"primary": 1, "backup": 0}


@pytest.mark.requirement("CH-5", "NR-1")
@pytest.mark.parametrize(
    "failure", [Outage("refused"), Transient("503"), RateLimited("429"), Degraded("slow")]
)
async def test_where_it_fails_the_next_one_is_asked_at_once(failure: Failure) -> None:
    world = World("primary", "backup")
    world.fail("primary", failure=failure)
    assert await world.ask() == "backup"
    assert world.failovers == [("primary", "backup", failure.kind)]


@pytest.mark.requirement("NR-1")
@pytest.mark.parametrize("failure", [Permanent("404"), Conflict("exists"), KeyError("bug")])
async def test_an_answer_that_is_final_is_not_asked_for_elsewhere(failure: Exception) -> None:
    world = World("primary", "backup")
    world.fail("primary", failure=failure)
    with pytest.raises(type(failure)):
        await world.ask()
    assert world.asked()["backup"] == 0


@pytest.mark.requirement("NR-1")
async def test_what_is_not_safe_to_do_twice_goes_on_only_when_nobody_was_there() -> None:
    world = World("primary", "backup")
    world.fail("primary", failure=Transient("lost reply"))
    with pytest.raises(Transient, match="lost reply"):
        await world.pool.call(Server.ask, failover=ON_OUTAGE)
    world = World("primary", "backup")
    world.fail("primary", failure=Outage("refused"))
    assert await world.pool.call(Server.ask, failover=ON_OUTAGE) == "backup"


async def test_when_all_fail_the_last_ones_failure_is_raised() -> None:
    world = World("primary", "backup")
    world.fail("primary", failure=Transient("first"))
    world.fail("backup", failure=Outage("second"))
    with pytest.raises(Outage, match="second"):
        await world.ask()


@pytest.mark.requirement("CH-3")
async def test_a_call_may_begin_further_down_and_around() -> None:
    world = World("primary", "backup", "local")
    assert [await world.ask(skip=n) for n in range(4)] == ["primary", "backup", "local", "primary"]


@pytest.mark.requirement("NR-2", "CH-5")
async def test_an_endpoint_whose_breaker_is_open_is_not_asked() -> None:
    world = World("primary", "backup")
    world.fail("primary", failure=Outage("refused"))
    await world.ask()
    assert await world.ask() == "backup"
    assert world.asked() == {"primary": 1, "backup": 2}


@pytest.mark.requirement("NR-2", "CH-5")
async def test_calls_come_back_to_the_better_endpoint_when_it_answers_again() -> None:
    world = World("primary", "backup")
    world.fail("primary", failure=Outage("refused"))
    await world.ask()
    world.fail("primary", failure=None)
    assert await world.ask() == "backup"
    world.now += 30
    assert [await world.ask() for _ in range(4)] == ["primary"] * 4
    assert world.transitions == [
        ("primary", State.OPEN),
        ("primary", State.HALF_OPEN),
        ("primary", State.CLOSED),
    ]


@pytest.mark.requirement("NR-2")
async def test_a_failed_probe_costs_the_caller_nothing() -> None:
    world = World("primary", "backup")
    world.fail("primary", failure=Outage("refused"))
    await world.ask()
    world.now += 30
    assert await world.ask() == "backup"
    assert world.asked()["primary"] == 2


@pytest.mark.requirement("NR-3")
async def test_when_all_breakers_are_open_the_time_of_the_next_probe_is_told() -> None:
    world = World("primary", "backup")
    world.fail("primary", "backup", failure=Outage("refused"))
    with pytest.raises(Outage):
        await world.ask()
    world.now += 10
    with pytest.raises(AllUnavailable, match=r"primary \(open") as raised:
        await world.ask()
    assert raised.value.retry_after == 20.0
    assert world.asked() == {"primary": 1, "backup": 1}


@pytest.mark.requirement("NR-3", "NR-4")
async def test_an_open_breaker_spends_no_attempt_of_a_policy_or_a_budget() -> None:
    world = World("primary")
    world.fail("primary", failure=Outage("refused"))
    with pytest.raises(Outage):
        await world.ask()
    budget = Budget(attempts=3, seconds=60, clock=lambda: world.now)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    for _ in range(10):
        with pytest.raises(AllUnavailable):
            await retry(world.ask, TRANSIENT, budget=budget, sleep=sleep)
    assert (slept, budget.attempts_left) == ([], 3)


@pytest.mark.requirement("NR-3")
async def test_what_is_deferred_inside_a_call_goes_through_and_is_nobodys_fault() -> None:
    world = World("primary", "backup")
    world.fail("primary", failure=BudgetExhausted("no more"))
    with pytest.raises(BudgetExhausted):
        await world.ask()
    assert world.asked()["backup"] == 0
    assert world.transitions == []


@pytest.mark.requirement("NR-3")
async def test_who_waits_for_an_endpoint_is_woken_when_it_is_released() -> None:
    world = World("primary")
    world.pool.endpoint("primary").breaker.force_open("maintenance")
    waiting = asyncio.create_task(world.pool.until_usable())
    await asyncio.sleep(0)
    assert not waiting.done()
    world.pool.endpoint("primary").breaker.release("done")
    await asyncio.wait_for(waiting, 5)


@pytest.mark.requirement("NR-3")
async def test_who_waits_is_woken_when_a_probe_has_succeeded() -> None:
    world = World("primary")
    world.fail("primary", failure=Outage("refused"))
    with pytest.raises(Outage):
        await world.ask()
    world.fail("primary", failure=None)
    world.now += 30
    answer = asyncio.Event()

    async def probe(_: Server) -> None:
        await answer.wait()

    probing = asyncio.create_task(world.pool.call(probe))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(world.pool.until_usable())
    await asyncio.sleep(0)
    assert not waiting.done()
    answer.set()
    await asyncio.wait_for(asyncio.gather(probing, waiting), 5)


@pytest.mark.requirement("NR-1", "NR-2")
async def test_an_answer_that_took_more_than_thirty_seconds_counts_against_its_endpoint() -> None:
    world = World("primary", time_limit=None)
    assert await world.pool.call(after(world, 30.5)) == "late"
    assert world.transitions == [("primary", State.OPEN)]


@pytest.mark.requirement("NR-1", "NR-2")
async def test_an_endpoint_that_does_not_answer_in_time_is_left_as_degraded() -> None:
    world = World("primary", "backup", time_limit=0.01)

    async def hang_at_primary(server: Server) -> str:
        if server.name == "primary":
            await asyncio.Event().wait()
        return server.name

    assert await world.pool.call(hang_at_primary) == "backup"
    assert world.failovers == [("primary", "backup", "degraded")]


@pytest.mark.requirement("NR-2")
@pytest.mark.parametrize(("seconds", "state"), [(31, State.OPEN), (1, State.CLOSED)])
async def test_a_cancelled_call_tells_of_its_endpoint_only_that_it_was_slow(
    seconds: float, state: State
) -> None:
    world = World("primary")

    async def hang(_: Server) -> None:
        world.now += seconds
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await world.pool.call(hang)
    assert world.pool.endpoint("primary").breaker.state is state
    assert world.calls == [("primary", "cancelled")]


@pytest.mark.requirement("NR-2")
@pytest.mark.parametrize("ending", [asyncio.CancelledError(), KeyError("bug")])
async def test_probes_that_never_came_to_an_answer_close_no_breaker(ending: BaseException) -> None:
    world = World("primary")
    world.fail("primary", failure=Outage("refused"))
    with pytest.raises(Outage):
        await world.ask()

    async def unfinished(_: Server) -> None:
        raise ending

    for _ in range(3):
        world.now += 30
        with pytest.raises(type(ending)):
            await world.pool.call(unfinished)
    assert world.pool.endpoint("primary").breaker.state is State.HALF_OPEN


@pytest.mark.requirement("NR-1")
async def test_an_endpoint_that_says_for_how_long_it_is_unavailable_is_not_probed_before() -> None:
    world = World("primary", "backup")
    world.fail("primary", failure=Transient("503", retry_after=47.0))
    await world.ask()
    world.fail("primary", failure=None)
    world.now += 45.5
    assert await world.ask() == "backup"
    world.now += 1.5
    assert await world.ask() == "primary"


@pytest.mark.requirement("NR-1")
async def test_an_endpoint_that_asked_for_patience_is_left_alone_for_so_long() -> None:
    world = World("primary", "backup")
    world.fail("primary", failure=RateLimited("429", retry_after=17.0))
    await world.ask()
    world.fail("primary", failure=None)
    world.now += 15.9
    assert await world.ask() == "backup"
    world.now += 1.1
    assert await world.ask() == "primary"
    assert world.transitions == [], "it is there, it only wants less"


@pytest.mark.requirement("NR-3")
async def test_when_all_asked_for_patience_the_shortest_wish_is_told() -> None:
    world = World("primary", "backup")
    world.fail("primary", failure=RateLimited("429", retry_after=17.0))
    world.fail("backup", failure=RateLimited("429", retry_after=9.0))
    with pytest.raises(RateLimited):
        await world.ask()
    with pytest.raises(AllUnavailable) as raised:
        await world.ask()
    assert raised.value.retry_after == 9.0


@pytest.mark.requirement("CH-5")
async def test_calls_beyond_an_endpoints_rate_go_to_the_next_one() -> None:
    world = World("primary", "backup", rate=Rate(per_second=0.1, burst=2), patience=1.0)
    assert [await world.ask() for _ in range(4)] == ["primary", "primary", "backup", "backup"]


@pytest.mark.requirement("CH-5")
async def test_an_endpoint_that_lags_by_more_than_fifty_slots_is_not_read() -> None:
    world = World("primary", "backup")
    world.pool.report_position("backup", 1051)
    world.pool.report_position("primary", 1000)
    assert await world.ask(reading=True) == "backup"
    assert await world.ask(reading=False) == "primary"


@pytest.mark.requirement("CH-5")
async def test_fifty_slots_behind_are_no_lag() -> None:
    world = World("primary", "backup")
    world.pool.report_position("backup", 1050)
    world.pool.report_position("primary", 1000)
    assert await world.ask(reading=True) == "primary"


@pytest.mark.requirement("CH-5")
async def test_an_endpoint_that_is_not_asked_for_a_while_is_not_taken_to_lag() -> None:
    world = World("primary", "backup")
    world.pool.report_position("primary", 1000)
    world.now += 60
    world.pool.report_position("backup", 1150)
    assert await world.ask(reading=True) == "primary"


@pytest.mark.requirement("CH-5")
async def test_an_endpoint_that_lagged_gets_another_chance_and_is_used_when_it_caught_up() -> None:
    world = World("primary", "backup")
    world.pool.report_position("backup", 2000)
    world.pool.report_position("primary", 1000)
    world.now += 29.9
    assert await world.ask(reading=True) == "backup"
    world.now += 0.1
    assert await world.ask(reading=True) == "primary"


@pytest.mark.requirement("CH-5", "NR-3")
async def test_when_only_laggards_are_left_reads_wait() -> None:
    world = World("primary", "backup")
    world.pool.report_position("backup", 2000)
    world.pool.report_position("primary", 1000)
    world.pool.endpoint("backup").breaker.force_open("maintenance")
    with pytest.raises(AllUnavailable, match="1000 behind"):
        await world.ask(reading=True)
    assert await world.ask() == "primary"


@pytest.mark.requirement("CH-3")
async def test_each_endpoint_that_may_be_asked_says_for_itself_what_it_knows() -> None:
    world = World("open", "fails", "lags", "good")
    world.pool.endpoint("open").breaker.force_open("maintenance")
    failure = Transient("503")
    world.fail("fails", failure=failure)
    world.pool.report_position("good", 2000)
    world.pool.report_position("lags", 1000)
    assert await world.pool.ask_each(Server.ask, reading=True) == [
        Skipped("open", float("inf")),
        Failed("fails", failure, 0.0),
        Skipped("lags", 30.0),
        Answered("good", "good", 0.0),
    ]


@pytest.mark.requirement("NR-2", "VE-5")
async def test_one_endpoint_s_word_is_had_from_it_or_from_nobody() -> None:
    world = World("primary", "backup", "lags")
    world.fail("primary", failure=(failure := Outage("refused")))
    world.pool.report_position("backup", 2000)
    world.pool.report_position("lags", 1000)
    ask = world.pool.ask

    assert await ask("backup", Server.ask) == Answered("backup", "backup", 0.0)
    assert await ask("primary", Server.ask) == Failed("primary", failure, 0.0)
    assert await ask("primary", Server.ask) == Skipped("primary", 30.0)
    assert await ask("lags", Server.ask, reading=True) == Skipped("lags", 30.0)
    assert await ask("lags", Server.ask) == Answered("lags", "lags", 0.0)
    assert world.asked() == {"primary": 1, "backup": 1, "lags": 1}


async def test_among_equals_the_faster_endpoint_is_asked_first() -> None:
    now = 0.0
    endpoints = [Endpoint(name=name, target=name) for name in ("slow", "fast")]
    pool = EndpointPool("chain", endpoints, clock=lambda: now)

    async def operation(name: str) -> str:
        nonlocal now
        now += {"slow": 2.0, "fast": 0.5}[name]
        return name

    await pool.ask_each(operation)
    assert await pool.call(operation) == "fast"


async def test_a_status_tells_how_an_endpoint_is_doing() -> None:
    world = World("primary", "backup")
    for seconds in (1.0, 2.0, 3.0):
        await world.pool.call(after(world, seconds))
    world.pool.report_position("backup", 7)
    world.pool.report_position("primary", 4)
    primary, backup = world.pool.statuses()
    assert (primary.name, primary.state, primary.p50, primary.p95) == (
        "primary",
        State.CLOSED,
        2.0,
        3.0,
    )
    assert (primary.lag, backup.lag, backup.average) == (3, 0, None)


async def test_the_observer_knows_every_endpoint_before_it_is_asked() -> None:
    assert World("primary", "backup").watching == ["primary", "backup"]


async def test_two_endpoints_of_one_name_are_refused() -> None:
    same = [Endpoint(name="a", target=1), Endpoint(name="a", target=2)]
    with pytest.raises(ValueError, match="same name"):
        EndpointPool("chain", same, clock=lambda: 0.0)


@pytest.mark.requirement("NR-3")
async def test_without_endpoints_nobody_is_available() -> None:
    with pytest.raises(AllUnavailable, match="none is set"):
        await World().ask()


@pytest.mark.requirement("NR-2")
async def test_a_probe_that_is_hastened_is_made_at_once_and_by_who_waits_for_it() -> None:
    world = World("primary")
    world.fail("primary", failure=Outage("nobody there"))
    await open_breaker(world)
    world.fail("primary", failure=None)
    waiting = asyncio.create_task(world.pool.until_usable())
    await asyncio.sleep(0)
    assert not waiting.done()

    world.pool.endpoint("primary").hasten()

    await waiting
    assert [await world.ask() for _ in range(3)] == ["primary"] * 3
    assert world.transitions[-2:] == [("primary", State.HALF_OPEN), ("primary", State.CLOSED)]


async def open_breaker(world: World) -> None:
    while world.pool.wait() == 0:
        with pytest.raises(Outage):
            await world.ask()

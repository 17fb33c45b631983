"""Beside a call that is late another one is made, and the first answer counts for all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from mint_resilience.breaker import BreakerPolicy, State
from mint_resilience.endpoint import Endpoint
from mint_resilience.endpoints import EndpointPool
from mint_resilience.failures import AllUnavailable, Conflict, Failure, Outage, Transient
from mint_resilience.hedging import Allowance, Hedge

LATE = 0.01


class Server:
    """Answers with its name, or fails; but not while it is held up."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.failure: Failure | None = None
        self.free = asyncio.Event()
        self.free.set()
        self.asked = 0
        self.answered = 0

    async def ask(self) -> str:
        self.asked += 1
        await self.free.wait()
        self.answered += 1
        if self.failure is not None:
            raise self.failure
        return self.name


class World:
    """Servers of these names behind a pool, the preferred first."""

    def __init__(self, *names: str) -> None:
        self.servers = [Server(name) for name in names]
        self.pool = EndpointPool(
            "chain",
            [
                Endpoint(name=each.name, target=each, priority=place)
                for place, each in enumerate(self.servers)
            ],
            clock=lambda: 0.0,
            policy=BreakerPolicy(minimum_calls=1),
        )

    async def ask(self, hedge: Hedge | None = None) -> str:
        async with asyncio.timeout(10):
            return await self.pool.call_hedged(Server.ask, hedge or always())

    @property
    def asked(self) -> list[int]:
        return [each.asked for each in self.servers]


def always(*, leaves: bool = False) -> Hedge:
    return Hedge(LATE, Allowance(share=1.0), leaves=leaves)


@pytest.fixture
def world() -> Iterator[World]:
    world = World("first", "second", "third")
    yield world
    for each in world.servers:
        each.free.set()


async def test_who_answers_in_time_is_asked_alone(world: World) -> None:
    assert await world.ask() == "first"
    assert world.asked == [1, 0, 0]


@pytest.mark.requirement("NR-1")
async def test_who_is_late_gets_company_and_the_first_answer_counts(world: World) -> None:
    world.servers[0].free.clear()

    assert await world.ask() == "second"
    assert world.asked == [1, 1, 0]


@pytest.mark.requirement("NR-2")
async def test_who_was_late_is_not_cut_off_and_its_breaker_learns_how_it_ended(
    world: World,
) -> None:
    late = world.servers[0]
    late.free.clear()
    late.failure = Transient("dropped")
    await world.ask()

    late.free.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert late.answered == 1
    assert world.pool.endpoint("first").breaker.state is State.OPEN


@pytest.mark.requirement("CH-5")
async def test_who_fails_is_followed_at_once_also_beside_one_that_is_late(world: World) -> None:
    world.servers[0].free.clear()
    world.servers[1].failure = Outage("refused")

    assert await world.ask() == "third"


async def test_a_final_failure_is_everybodys(world: World) -> None:
    world.servers[0].free.clear()
    world.servers[1].failure = Conflict("exists")

    with pytest.raises(Conflict, match="exists"):
        await world.ask()
    assert world.asked == [1, 1, 0]


async def test_when_all_fail_the_last_failure_is_raised(world: World) -> None:
    for each in world.servers:
        each.failure = Transient(each.name)

    with pytest.raises(Transient, match="third"):
        await world.ask()


@pytest.mark.requirement("NR-3")
async def test_when_nobody_may_be_asked_nobody_is(world: World) -> None:
    for each in world.servers:
        world.pool.endpoint(each.name).breaker.force_open("an operator")

    with pytest.raises(AllUnavailable):
        await world.ask()
    assert world.asked == [0, 0, 0]


async def test_when_the_allowance_is_used_up_who_is_late_is_waited_for(world: World) -> None:
    late = world.servers[0]
    late.free.clear()
    none = Hedge(LATE, Allowance(share=0.0, burst=0.0))
    waiting = asyncio.create_task(world.ask(none))
    done, _ = await asyncio.wait({waiting}, timeout=5 * LATE)
    assert not done

    late.free.set()

    assert await waiting == "first"
    assert world.asked == [1, 0, 0]


def test_an_allowance_is_a_share_of_all_calls_and_a_few_saved_up() -> None:
    allowance = Allowance(share=0.5, burst=2)
    made = 0
    for _ in range(100):
        allowance.earn()
        if allowance.is_left:
            allowance.spend()
            made += 1

    assert made == 51


async def test_one_that_is_late_is_left_alone_when_all_others_have_failed(world: World) -> None:
    world.servers[0].free.clear()
    world.servers[1].failure = Transient("503")
    world.servers[2].failure = Transient("504")

    with pytest.raises(Transient, match="504"):
        await world.ask(always(leaves=True))


async def test_one_that_is_late_and_alone_is_waited_for() -> None:
    world = World("only")
    world.servers[0].free.clear()
    waiting = asyncio.create_task(world.ask(always(leaves=True)))
    done, _ = await asyncio.wait({waiting}, timeout=5 * LATE)
    assert not done

    world.servers[0].free.set()

    assert await waiting == "only"

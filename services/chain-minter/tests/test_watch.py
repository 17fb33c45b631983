"""What a look at every endpoint finds, over real HTTP to endpoints that answer as they are told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from math import inf

import pytest
from aiohttp import web
from prometheus_client import REGISTRY
from solders.keypair import Keypair

from chain_minter.endpoints import Endpoints
from chain_minter.rpc import Endpoint
from chain_minter.transport import HttpTransport
from chain_minter.watch import Rules, Watch
from mint_resilience.breaker import BreakerPolicy, Outcome, State
from mint_resilience.endpoint import Endpoint as PoolEndpoint
from mint_resilience.endpoints import EndpointPool
from mint_resilience.failures import AllUnavailable
from mint_resilience.rate import Rate
from mint_runtime.addresses import Address

RICH, POOR = Keypair().pubkey(), Keypair().pubkey()
RULES = Rules(seconds=0.01, look_seconds=1.0, most_slot_age=60, least_lamports=1000)


class Node:
    """An endpoint that is well, or behind, or answers nothing but errors, as it is told."""

    def __init__(self) -> None:
        self.slot = 1000
        self.lamports = [5000, 5000]
        self.status = 200
        self.behind = False
        self.asked: list[str] = []
        self._looks = inf

    def well_for(self, looks: int) -> None:
        """Be well for so many looks, then answer nothing but errors again."""
        self.status, self._looks = 200, looks

    async def respond(self, request: web.Request) -> web.Response:
        method = json.loads(await request.text())["method"]
        self.asked.append(method)
        self._looks -= method == "getHealth"
        if self._looks < 0:
            self.status = 503
        if method == "getHealth":
            error = {"code": -32005, "message": "Node is behind", "data": {"numSlotsBehind": 99}}
            answer: dict[str, object] = {"error": error} if self.behind else {"result": "ok"}
        else:
            context = {"slot": self.slot}
            answer = {"result": {"context": context, "value": [*map(account, self.lamports)]}}
        return web.json_response({"jsonrpc": "2.0", "id": 0, **answer}, status=self.status)


def account(lamports: int) -> dict[str, object] | None:
    system = "11111111111111111111111111111111"
    rest = {"data": ["", "base64"], "executable": False, "rentEpoch": 0, "space": 0}
    return {"lamports": lamports, "owner": system, **rest} if lamports else None


class World:
    """Nodes, the pool in front of them, the watch over it, and the time."""

    def __init__(self, transport: HttpTransport, nodes: dict[str, Node], urls: list[str]) -> None:
        self.now = 0.0
        self.nodes = nodes
        self.pool = EndpointPool(
            "solana",
            [
                PoolEndpoint(
                    name=name, target=Endpoint(Address(name, url), transport), priority=place
                )
                for place, (name, url) in enumerate(zip(nodes, urls, strict=True))
            ],
            clock=lambda: self.now,
            policy=BreakerPolicy(minimum_calls=4),
        )
        self.watch = Watch(Endpoints(self.pool), [RICH, POOR], RULES, clock=lambda: self.now)

    def fund(self, *lamports: int) -> None:
        """What the authorities hold from the next slot on."""
        for node in self.nodes.values():
            node.lamports = list(lamports)
            node.slot += 1

    def state(self, name: str) -> State:
        return self.pool.endpoint(name).breaker.state

    def open(self, name: str) -> None:
        """Open its breaker, as four failures do."""
        breaker = self.pool.endpoint(name).breaker
        while permit := breaker.acquire():
            breaker.report(permit, Outcome.FAILURE)

    def probe(self, name: str, outcome: Outcome) -> bool:
        """Make the probe if it is due, and let it end so."""
        breaker = self.pool.endpoint(name).breaker
        permit = breaker.acquire()
        if permit is not None:
            breaker.report(permit, outcome)
        return permit is not None


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        transport = await stack.enter_async_context(HttpTransport(seconds=1, connections=4))
        nodes = {"primary": Node(), "backup": Node()}
        urls = [await stack.enter_async_context(listening(node)) for node in nodes.values()]
        yield World(transport, nodes, urls)


@asynccontextmanager
async def listening(node: Node) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/", node.respond)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.requirement("MF-3")
async def test_before_the_first_look_nothing_is_known_to_be_well(world: World) -> None:
    assert await world.watch.readiness() == "the endpoints are being asked"

    await world.watch.look()

    assert await world.watch.readiness() is None


@pytest.mark.requirement("MF-3")
async def test_one_endpoint_that_is_well_is_enough(world: World) -> None:
    world.nodes["primary"].status = 503

    await world.watch.look()

    assert world.watch.fault is None


@pytest.mark.requirement("MF-3")
async def test_without_any_the_fault_of_each_is_told(world: World) -> None:
    world.nodes["primary"].status = 503
    world.nodes["backup"].behind = True

    await world.watch.look()

    assert world.watch.fault is not None
    assert "primary: HTTP 503" in world.watch.fault
    assert "backup: RPC error -32005: Node is behind" in world.watch.fault


@pytest.mark.requirement("MF-3")
async def test_a_chain_that_stands_still_is_not_well_until_it_goes_on(world: World) -> None:
    await world.watch.look()
    world.now = 61
    await world.watch.look()
    assert world.watch.fault == "the chain stands still at slot 1000 since 61 s"

    world.nodes["backup"].slot += 1
    await world.watch.look()

    assert world.watch.fault is None


@pytest.mark.requirement("MF-3")
async def test_what_the_authorities_hold_is_a_metric(world: World) -> None:
    for node in world.nodes.values():
        node.lamports = [5000, 0]

    await world.watch.look()

    held = {
        name: REGISTRY.get_sample_value("trimint_authority_lamports", {"authority": str(name)})
        for name in (RICH, POOR)
    }
    assert held == {RICH: 5000, POOR: 0}


@pytest.mark.requirement("MF-3", "NR-3")
async def test_who_can_not_pay_waits_and_the_others_go_on(world: World) -> None:
    for node in world.nodes.values():
        node.lamports = [5000, 999]
    await world.watch.look()

    world.watch.require(RICH)
    with pytest.raises(AllUnavailable, match=f"authority {POOR} holds 999 lamports.*send it some"):
        world.watch.require(POOR)
    assert world.watch.fault is None


@pytest.mark.requirement("MF-3")
async def test_when_no_authority_can_pay_the_layer_is_not_well(world: World) -> None:
    for node in world.nodes.values():
        node.lamports = [999, 999]

    await world.watch.look()

    assert world.watch.fault is not None
    assert "send it some" in world.watch.fault


@pytest.mark.requirement("CH-5")
async def test_slots_are_compared_with_the_furthest_of_the_same_look(world: World) -> None:
    world.nodes["backup"].slot = 1051

    await world.watch.look()

    assert [status.lag for status in world.pool.statuses()] == [51, 0]


@pytest.mark.requirement("NR-2", "CH-5")
async def test_an_endpoint_that_was_seen_dead_is_back_with_the_first_good_look(
    world: World,
) -> None:
    world.nodes["primary"].status = 503
    world.open("primary")
    await world.watch.look()
    assert world.state("primary") is State.OPEN
    world.nodes["primary"].status = 200
    world.nodes["primary"].asked.clear()

    await world.watch.look()

    assert world.state("primary") is State.CLOSED
    looks = world.nodes["primary"].asked.count("getHealth")
    assert looks == 1 + BreakerPolicy().successes_to_close


@pytest.mark.requirement("NR-2")
async def test_an_endpoint_that_dies_again_under_its_probes_stays_out(world: World) -> None:
    world.nodes["primary"].status = 503
    world.open("primary")
    await world.watch.look()
    world.nodes["primary"].well_for(looks=2)

    await world.watch.look()

    assert world.state("primary") is State.OPEN
    assert world.watch.fault is None


@pytest.mark.requirement("NR-2", "CH-5")
async def test_an_outage_too_short_for_any_look_is_over_with_the_next_one(world: World) -> None:
    await world.watch.look()
    world.open("primary")

    await world.watch.look()

    assert world.probe("primary", Outcome.SUCCESS)


@pytest.mark.requirement("NR-2")
async def test_who_looks_well_and_works_badly_is_probed_every_thirty_seconds(world: World) -> None:
    world.open("primary")
    await world.watch.look()
    assert world.probe("primary", Outcome.FAILURE)

    for _ in range(3):
        world.now += 9
        await world.watch.look()
        assert not world.probe("primary", Outcome.SUCCESS)
    world.now += 9

    assert world.probe("primary", Outcome.SUCCESS)


@pytest.mark.requirement("NR-2", "CH-5")
async def test_the_breaker_of_an_endpoint_that_nobody_calls_is_closed_by_looks(
    world: World,
) -> None:
    world.open("backup")
    world.now = 30

    for _ in range(4):  # the first only sees that the probe is due
        assert world.state("backup") is not State.CLOSED
        await world.watch.look()

    assert world.state("backup") is State.CLOSED


@pytest.mark.requirement("NR-1")
async def test_who_has_asked_for_patience_is_not_looked_at(world: World) -> None:
    world.pool.endpoint("primary").bucket.pause(10)

    await world.watch.look()

    assert world.nodes["primary"].asked == []
    assert world.nodes["backup"].asked == ["getHealth", "getMultipleAccounts"]


@pytest.mark.requirement("NR-1", "MF-3")
async def test_when_all_want_no_calls_for_long_that_is_what_is_wrong(world: World) -> None:
    await world.watch.look()
    for name in world.nodes:
        world.pool.endpoint(name).bucket.pause(100)

    world.now = 80
    await world.watch.look()
    assert world.watch.fault is not None
    assert "primary is at its rate limit for 20 s" in world.watch.fault

    world.now = 100
    for node in world.nodes.values():
        node.slot += 1
    await world.watch.look()
    assert world.watch.fault is None


@pytest.mark.requirement("MF-3", "NR-1")
async def test_work_that_uses_the_rate_up_keeps_no_look_from_being_made(world: World) -> None:
    for name in world.nodes:
        bucket = world.pool.endpoint(name).bucket
        bucket.adjust(Rate(per_second=1000, burst=1))
        bucket.reserve()
        assert bucket.wait() > 0

    await world.watch.look()

    assert world.nodes["primary"].asked == ["getHealth", "getMultipleAccounts"]


async def test_looks_tell_the_breakers_nothing(world: World) -> None:
    world.nodes["primary"].status = 503

    for _ in range(10):
        await world.watch.look()

    assert world.state("primary") is State.CLOSED


class Gates:
    """What became of the work, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.faults: list[str | None] = []
        self.changed = asyncio.Event()

    def hold(self) -> None:
        self._tell("held")

    def release(self) -> None:
        self._tell("released")

    def _tell(self, what: str) -> None:
        self.told.append(what)
        self.changed.set()

    async def next(self) -> str:
        async with asyncio.timeout(10):
            await self.changed.wait()
        self.changed.clear()
        return self.told[-1]


@pytest.mark.requirement("MF-3")
async def test_work_is_held_until_the_chain_is_well_and_again_after_three_bad_looks(
    world: World,
) -> None:
    gates = Gates()
    running = world.watch.run(hold=gates.hold, release=gates.release, tell=gates.faults.append)
    watching = asyncio.create_task(running)
    assert [await gates.next(), await gates.next()] == ["held", "released"]
    assert gates.faults == [None]

    for node in world.nodes.values():
        node.asked.clear()
        node.status = 503
    assert await gates.next() == "held"
    looks = len(world.nodes["primary"].asked)
    assert gates.faults[-1] is not None
    assert "503" in gates.faults[-1]
    for node in world.nodes.values():
        node.status = 200

    assert await gates.next() == "released"
    watching.cancel()
    assert looks >= RULES.looks_until_down


@pytest.mark.requirement("MF-3")
async def test_an_authority_counts_as_poor_after_three_looks_and_as_funded_after_one(
    world: World,
) -> None:
    found = [world.watch.funded]
    await world.watch.look()

    world.fund(5000, 10)
    for _ in range(RULES.looks_until_down):
        await world.watch.look()
        found.append(world.watch.funded)
    world.fund(5000, 5000)
    await world.watch.look()

    found.append(world.watch.funded)
    both, rich = (str(RICH), str(POOR)), (str(RICH),)
    assert found == [(), both, both, rich, both]

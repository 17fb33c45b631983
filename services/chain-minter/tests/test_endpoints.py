"""What an endpoint's misbehaviour means, over real HTTP, and who is asked then."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import pytest
from aiohttp import web
from solders.rpc.requests import GetBlockHeight
from solders.rpc.responses import GetBlockHeightResp

from chain_minter.endpoints import Endpoints, Patience
from chain_minter.rpc import Endpoint, Refused
from chain_minter.transport import HttpTransport
from mint_resilience.backoff import Backoff
from mint_resilience.breaker import BreakerPolicy, Outcome, State
from mint_resilience.endpoint import Endpoint as PoolEndpoint
from mint_resilience.endpoints import EndpointPool
from mint_resilience.failures import (
    AllUnavailable,
    Degraded,
    Failure,
    Outage,
    RateLimited,
    Transient,
)
from mint_resilience.rate import UNLIMITED, Rate
from mint_runtime.addresses import parse_addresses
from mint_sandbox.ports import consecutive_free_ports

Respond = Callable[[web.Request], Awaitable[web.Response]]
KEY = "0123-the-key-of-the-provider"
QUICK = Backoff(attempts=3, base=0.01)


def says(text: str = "", status: int = 200, **headers: str) -> Respond:
    async def respond(_: web.Request) -> web.Response:
        return web.Response(text=text, status=status, headers=headers)

    return respond


def errs(code: int, **more: object) -> Respond:
    error = {"code": code, "message": "no luck", **more}
    return says(json.dumps({"jsonrpc": "2.0", "id": 0, "error": error}))


def answers(height: int) -> Respond:
    return says(json.dumps({"jsonrpc": "2.0", "id": 0, "result": height}))


async def hangs(_: web.Request) -> web.Response:
    await asyncio.Event().wait()
    return web.Response()


async def drops(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


class Servers:
    """Servers of these behaviours behind one pool, the preferred first; None: nobody listens."""

    def __init__(self, urls: Sequence[str], transport: HttpTransport, rate: Rate) -> None:
        self.now = 0.0
        self.addresses = parse_addresses(urls)
        self.pool = EndpointPool(
            "solana",
            [
                PoolEndpoint(
                    name=address.name,
                    target=Endpoint(address, transport),
                    priority=place,
                    rate=rate,
                )
                for place, address in enumerate(self.addresses)
            ],
            clock=lambda: self.now,
            policy=BreakerPolicy(minimum_calls=4),
        )
        self.endpoints = Endpoints(
            self.pool, Patience(read_seconds=0.3, late_seconds=0.1, policy=QUICK, hearing=QUICK)
        )

    def let_fail(self, name: str) -> None:
        """Open its breaker, as four failures do."""
        breaker = self.pool.endpoint(name).breaker
        while permit := breaker.acquire():
            breaker.report(permit, Outcome.FAILURE)


@asynccontextmanager
async def servers(*behaviours: Respond | None, rate: Rate = UNLIMITED) -> AsyncIterator[Servers]:
    async with AsyncExitStack() as stack:
        transport = await stack.enter_async_context(HttpTransport(seconds=0.5, connections=4))
        urls = [await stack.enter_async_context(listening(each)) for each in behaviours]
        yield Servers([f"{url}/{KEY}" for url in urls], transport, rate)


@asynccontextmanager
async def listening(respond: Respond | None) -> AsyncIterator[str]:
    if respond is None:
        yield f"http://127.0.0.1:{consecutive_free_ports(1)[0]}"
        return
    app = web.Application()
    app.router.add_post(f"/{KEY}", respond)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class Asked:
    """Responds so, and counts how often it was asked."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond
        self.times = 0

    async def respond(self, request: web.Request) -> web.Response:
        self.times += 1
        return await self._respond(request)


class Late(Asked):
    """Responds so, but not before it is `over`."""

    def __init__(self, respond: Respond) -> None:
        super().__init__(respond)
        self.asked = asyncio.Event()
        self.over = asyncio.Event()

    async def respond(self, request: web.Request) -> web.Response:
        self.asked.set()
        await asyncio.wait_for(self.over.wait(), 5)
        return await super().respond(request)


async def height(endpoint: Endpoint) -> int:
    return (await endpoint.ask(GetBlockHeight(), GetBlockHeightResp)).value


PREFLIGHT = {"err": {"InstructionError": [2, {"Custom": 0}]}, "logs": ["in use"], "accounts": None}


@pytest.mark.requirement("NR-1")
@pytest.mark.parametrize(
    ("behaviour", "failure", "said"),
    [
        (None, Outage, "try the next endpoint"),
        (says("down", 503), Transient, "HTTP 503 down"),
        (says("who are you", 403), Outage, "correct the endpoint's URL or key"),
        (says("elsewhere", 302, Location="http://127.0.0.1:1"), Transient, "HTTP 302"),
        (says("slow down", 429), RateLimited, "HTTP 429 slow down"),
        (says("<html>"), Transient, "no JSON-RPC"),
        (says('{"jsonrpc": "2.0", "id": 0, "result": "high"}'), Transient, "unusable answer"),
        (hangs, Transient, "whether it took effect is unknown"),
        (drops, Transient, "whether it took effect is unknown"),
        (errs(429), RateLimited, "RPC error 429"),
        (errs(-32005, data={"numSlotsBehind": 60}), Outage, "no luck"),
        (errs(-32005), Outage, "no luck"),
        (errs(-32601), Outage, "no luck"),
        (errs(-32602), Outage, "no luck"),
        (errs(-32603), Transient, "no luck"),
        (errs(-32000), Transient, "RPC error"),
        (errs(-32002, data=PREFLIGHT), Refused, "in use"),
    ],
)
async def test_each_misbehaviour_has_its_class_and_names_the_endpoint_without_its_key(
    behaviour: Respond | None, failure: type[Failure], said: str
) -> None:
    async with servers(behaviour) as some:
        with pytest.raises(failure, match=said) as raised:
            await height(next(iter(some.endpoints)).target)

    assert raised.value.endpoint == "primary"
    assert str(raised.value).startswith("primary: ")
    assert KEY not in str(raised.getrepr())
    assert raised.type is failure


@pytest.mark.requirement("CH-11")
@pytest.mark.parametrize(
    "behaviour",
    [
        says(f"no such key: {KEY}", 401),
        says(f"<html>no such key: {KEY}"),
        says(f'{{"jsonrpc": "2.0", "id": 0, "result": "no such key: {KEY}"}}'),
        says(f'{{"error": {{"code": -1, "message": "no such key: {KEY}"}}}}'),
    ],
)
async def test_a_body_that_repeats_the_key_is_shown_without_it(behaviour: Respond) -> None:
    async with servers(behaviour) as some:
        with pytest.raises(Failure) as raised:
            await height(next(iter(some.endpoints)).target)

    assert KEY not in str(raised.value)


@pytest.mark.requirement("NR-1")
async def test_the_wish_of_a_rate_limiter_is_handed_on() -> None:
    async with servers(says("", 429, **{"Retry-After": "7"})) as some:
        with pytest.raises(RateLimited) as raised:
            await some.endpoints.hand_over(height, skip=0)

    assert raised.value.retry_after == 7


@pytest.mark.requirement("NR-1")
async def test_a_limited_endpoint_is_left_alone_for_as_long_as_it_wishes() -> None:
    asked = Asked(says("", 429, **{"Retry-After": "7"}))
    async with servers(asked.respond, answers(8)) as some:
        assert [await some.endpoints.read(height) for _ in range(3)] == [8, 8, 8]
        assert asked.times == 1

        some.now = 7.0
        await some.endpoints.read(height)

    assert asked.times == 2


@pytest.mark.requirement("CH-5")
@pytest.mark.parametrize("behaviour", [None, hangs, drops, says("", 503), says("", 429)])
async def test_when_the_preferred_endpoint_fails_the_next_one_is_asked(
    behaviour: Respond | None,
) -> None:
    async with servers(behaviour, answers(7), answers(8)) as some:
        assert await some.endpoints.read(height) == 7


@pytest.mark.requirement("NR-1", "NR-2")
async def test_when_the_preferred_endpoint_is_late_the_next_one_is_asked_beside_it() -> None:
    late = Late(answers(7))
    async with servers(late.respond, answers(8)) as some:
        assert await some.endpoints.read(height) == 8

        late.over.set()
        assert await some.endpoints.read(height) == 7


@pytest.mark.requirement("CH-3", "NR-1")
async def test_a_transaction_that_one_is_late_to_take_goes_to_the_next_one_too() -> None:
    late = Late(answers(7))
    async with servers(late.respond, answers(8)) as some:
        assert await some.endpoints.hand_over(height, skip=0) == 8
        late.over.set()


async def test_late_and_alone_an_endpoint_is_waited_for() -> None:
    late = Late(answers(7))
    async with servers(late.respond) as some:
        reading = asyncio.create_task(some.endpoints.read(height))
        await late.asked.wait()
        late.over.set()

        assert await reading == 7


@pytest.mark.requirement("CH-5")
async def test_who_lags_by_more_than_fifty_slots_is_not_read() -> None:
    async with servers(answers(7), answers(8)) as some:
        some.endpoints.report_position("backup-1", 1051)
        some.endpoints.report_position("primary", 1000)
        assert await some.endpoints.read(height) == 8

        some.endpoints.report_position("primary", 1001)
        assert await some.endpoints.read(height) == 7


@pytest.mark.requirement("CH-3")
async def test_a_transaction_can_go_further_down_and_around() -> None:
    async with servers(answers(7), None) as some:
        assert [await some.endpoints.hand_over(height, skip=skip) for skip in range(3)] == [7] * 3
    async with servers(answers(7), answers(8)) as some:
        told = [await some.endpoints.hand_over(height, skip=skip) for skip in range(3)]
        assert told == [7, 8, 7]


@pytest.mark.requirement("CH-3")
async def test_who_does_not_know_the_blockhash_does_not_keep_a_transaction_from_the_next() -> None:
    lags = errs(-32002, data={"err": "BlockhashNotFound", "logs": []})
    async with servers(lags, answers(8)) as some:
        assert await some.endpoints.hand_over(height, skip=0) == 8
    async with servers(lags, lags) as some:
        with pytest.raises(Refused, match="BlockhashNotFound"):
            await some.endpoints.hand_over(height, skip=0)


@pytest.mark.requirement("NR-1", "CH-5")
@pytest.mark.parametrize("code", [-32602, -32600, -32003, -32007, -32019, -32601])
async def test_what_one_endpoint_does_not_take_the_next_one_is_asked(code: int) -> None:
    async with servers(errs(code), answers(8)) as some:
        assert await some.endpoints.read(height) == 8
        assert await some.endpoints.hand_over(height, skip=0) == 8
        assert await some.endpoints.every(height, enough=2) == [8]


@pytest.mark.requirement("NR-1")
async def test_a_read_that_nobody_could_answer_is_tried_again() -> None:
    turns = iter([says("", 503), says("", 503), answers(7)])

    async def sometimes(request: web.Request) -> web.Response:
        return await next(turns)(request)

    async with servers(sometimes) as some:
        assert await some.endpoints.read(height) == 7


@pytest.mark.requirement("CH-3")
async def test_everybody_who_is_there_is_heard_also_who_lags() -> None:
    async with servers(None, answers(7), answers(8)) as some:
        some.endpoints.report_position("backup-2", 1051)
        some.endpoints.report_position("backup-1", 1000)

        assert await some.endpoints.every(height, enough=2) == [7, 8]


@pytest.mark.requirement("CH-3")
@pytest.mark.parametrize("behaviour", [hangs, says("", 503), drops])
async def test_one_who_says_nothing_leaves_the_question_open_until_its_breaker_opens(
    behaviour: Respond,
) -> None:
    async with servers(answers(7), behaviour) as some:
        with pytest.raises((Transient, Degraded)):
            await some.endpoints.every(height, enough=2)

        assert await some.endpoints.every(height, enough=2) == [7]
        assert some.pool.endpoint("backup-1").breaker.state is State.OPEN


@pytest.mark.requirement("CH-3")
async def test_one_who_can_not_say_is_made_up_for_by_enough_others() -> None:
    async with servers(answers(7), says("", 503), answers(9)) as some:
        assert await some.endpoints.every(height, enough=2) == [7, 9]
    async with servers(answers(7), says("", 503), answers(9)) as some:
        with pytest.raises(Transient):
            await some.endpoints.every(height, enough=3)


@pytest.mark.requirement("CH-3", "NR-1")
async def test_one_who_wants_no_calls_for_a_while_is_waited_for_where_all_are_heard() -> None:
    """Longer than a read may wait, and no longer than a decision may: it may know better."""
    heard = asyncio.Event()

    async def first(request: web.Request) -> web.Response:
        heard.set()
        return await answers(7)(request)

    async with servers(first, answers(8)) as some:
        some.pool.endpoint("backup-1").bucket.pause(3.2)
        hearing = asyncio.create_task(Endpoints(some.pool).every(height, enough=1))
        await heard.wait()
        some.now = 3.2

        assert await hearing == [7, 8]


@pytest.mark.requirement("CH-3")
async def test_one_who_wants_no_calls_for_long_does_not_hold_the_question_open() -> None:
    async with servers(answers(7), says("", 429, **{"Retry-After": "3600"})) as some:
        assert await some.endpoints.every(height, enough=2) == [7]


async def test_when_nobody_is_there_all_are_named() -> None:
    async with servers(None, None) as some:
        with pytest.raises(Outage, match="no Solana endpoint answers: primary, backup-1"):
            await some.endpoints.every(height, enough=2)


@pytest.mark.requirement("NR-3")
async def test_when_nobody_may_be_asked_the_work_is_put_off_and_nobody_is_asked() -> None:
    asked = Asked(answers(7))
    async with servers(asked.respond) as some:
        some.let_fail("primary")

        for call in (some.endpoints.read, partial(some.endpoints.every, enough=2)):
            with pytest.raises(AllUnavailable) as raised:
                await call(height)
            assert raised.value.retry_after is not None

    assert asked.times == 0


@pytest.mark.requirement("NR-3", "CH-5")
async def test_work_that_is_put_off_goes_on_as_soon_as_a_probe_is_due() -> None:
    async with servers(answers(7)) as some:
        some.let_fail("primary")
        waiting = asyncio.create_task(some.endpoints.read(height))
        await asyncio.sleep(0)

        some.pool.endpoint("primary").hasten()

        assert await waiting == 7


@pytest.mark.requirement("NR-1")
async def test_an_endpoint_is_not_asked_more_often_than_its_rate_allows() -> None:
    first, second = Asked(answers(7)), Asked(answers(8))
    async with servers(first.respond, second.respond, rate=Rate(per_second=0.1, burst=2)) as some:
        for _ in range(4):
            await some.endpoints.read(height)

    assert (first.times, second.times) == (2, 2)

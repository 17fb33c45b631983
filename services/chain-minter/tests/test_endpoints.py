"""What an endpoint's misbehaviour means, over real HTTP, and who is asked then."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import cycle

import pytest
from aiohttp import web
from solders.rpc.requests import GetBlockHeight
from solders.rpc.responses import GetBlockHeightResp

from chain_minter.endpoints import Endpoints
from chain_minter.rpc import Endpoint, Refused
from chain_minter.transport import HttpTransport
from mint_resilience.failures import Failure, Outage, Permanent, RateLimited, Transient
from mint_sandbox.ports import consecutive_free_ports

Respond = Callable[[web.Request], Awaitable[web.Response]]
Ask = Callable[..., Awaitable[int]]


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


@asynccontextmanager
async def endpoints(*behaviours: Respond | None) -> AsyncIterator[Endpoints]:
    """An endpoint for each behaviour, the preferred one first; None: nobody listens."""
    async with AsyncExitStack() as stack:
        transport = await stack.enter_async_context(HttpTransport(seconds=0.5, connections=4))
        urls = [await stack.enter_async_context(listening(each)) for each in behaviours]
        yield Endpoints([Endpoint(url, transport) for url in urls])


@asynccontextmanager
async def listening(respond: Respond | None) -> AsyncIterator[str]:
    if respond is None:
        yield f"http://127.0.0.1:{consecutive_free_ports(1)[0]}"
        return
    app = web.Application()
    app.router.add_post("/", respond)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def height(endpoint: Endpoint) -> int:
    return (await endpoint.ask(GetBlockHeight(), GetBlockHeightResp)).value


PREFLIGHT = {"err": {"InstructionError": [2, {"Custom": 0}]}, "logs": ["in use"], "accounts": None}


@pytest.mark.requirement("NR-1")
@pytest.mark.parametrize(
    ("behaviour", "failure", "said"),
    [
        (None, Outage, "ask another endpoint"),
        (says("down", 503), Transient, "HTTP 503 down"),
        (says("who are you", 403), Outage, "correct the endpoint's URL or key"),
        (says("slow down", 429), RateLimited, "HTTP 429 slow down"),
        (says("<html>"), Transient, "no JSON-RPC"),
        (hangs, Transient, "whether it took effect is unknown"),
        (drops, Transient, "whether it took effect is unknown"),
        (errs(429), RateLimited, "RPC error 429"),
        (errs(-32005, data={"numSlotsBehind": 60}), Outage, "no luck"),
        (errs(-32601), Outage, "no luck"),
        (errs(-32602), Permanent, "no luck"),
        (errs(-32603), Transient, "no luck"),
        (errs(-32000), Transient, "RPC error"),
        (errs(-32002, data=PREFLIGHT), Refused, "no luck; in use"),
    ],
)
async def test_each_misbehaviour_has_its_class(
    behaviour: Respond | None, failure: type[Failure], said: str
) -> None:
    async with endpoints(behaviour) as pool:
        with pytest.raises(failure, match=said) as raised:
            await pool.first(height)

    assert raised.value.endpoint is not None
    assert raised.type is failure


@pytest.mark.requirement("NR-1")
async def test_the_wish_of_a_rate_limiter_is_handed_on() -> None:
    async with endpoints(says("", 429, **{"Retry-After": "7"})) as pool:
        with pytest.raises(RateLimited) as raised:
            await pool.first(height)

    assert raised.value.retry_after == 7


@pytest.mark.requirement("CH-5")
@pytest.mark.parametrize("behaviour", [None, hangs, drops, says("", 503), says("", 429)])
async def test_when_the_preferred_endpoint_fails_the_next_one_is_asked(
    behaviour: Respond | None,
) -> None:
    async with endpoints(behaviour, answers(7), answers(8)) as pool:
        assert await pool.first(height) == 7


@pytest.mark.requirement("CH-3")
async def test_an_operation_can_begin_further_down_and_goes_around() -> None:
    async with endpoints(answers(7), None) as pool:
        assert [await pool.first(height, skip=skip) for skip in range(3)] == [7, 7, 7]
    async with endpoints(answers(7), answers(8)) as pool:
        assert [await pool.first(height, skip=skip) for skip in range(3)] == [7, 8, 7]


async def test_an_answer_that_is_final_is_asked_of_nobody_else() -> None:
    async with endpoints(errs(-32602), answers(8)) as pool:
        with pytest.raises(Permanent):
            await pool.first(height)


@pytest.mark.requirement("CH-3")
async def test_everybody_who_is_there_is_heard() -> None:
    async with endpoints(None, answers(7), answers(8)) as pool:
        assert await pool.every(height) == [7, 8]


@pytest.mark.requirement("CH-3")
@pytest.mark.parametrize("behaviour", [hangs, says("", 503)])
async def test_one_who_is_there_but_says_nothing_leaves_the_question_open(
    behaviour: Respond,
) -> None:
    async with endpoints(answers(7), behaviour) as pool:
        with pytest.raises(Transient):
            await pool.every(height)


async def test_when_nobody_is_there_all_are_named() -> None:
    async with endpoints(None, None) as pool:
        with pytest.raises(Outage, match=r"no Solana endpoint answers: http\S+, http\S+"):
            await pool.every(height)


async def test_an_endpoint_that_recovers_is_used_again() -> None:
    turns = cycle([says("", 503), answers(7)])

    async def sometimes(request: web.Request) -> web.Response:
        return await next(turns)(request)

    async with endpoints(sometimes) as pool:
        with pytest.raises(Transient):
            await pool.first(height)
        assert await pool.first(height) == 7

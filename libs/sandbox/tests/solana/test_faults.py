"""Endpoints of Solana that misbehave as any server may, as clients see them."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from solana.exceptions import SolanaRpcException

from mint_sandbox.control import client as control
from mint_sandbox.faults import Fault, Kind, When

from .pair import BAD, HEALTH, Pair, struck, until


async def test_after_every_fault_the_endpoint_serves_as_before(pair: Pair) -> None:
    for kind in Kind:
        if kind.value in (await control.faults(pair.chain.control))[BAD]["kinds"]:
            await pair.misbehave(Fault(kind, seconds=0.01, blocks=5))
            await pair.behave()
            assert (await pair.ask()).json() == {"jsonrpc": "2.0", "result": "ok", "id": 7}


async def test_one_endpoint_s_faults_are_not_the_other_s(pair: Pair) -> None:
    await pair.misbehave(Fault(Kind.REFUSE))

    assert await pair.good.is_connected()


async def test_refused_connections_on_both_ports_until_the_fault_is_cleared(pair: Pair) -> None:
    await pair.ask()
    await pair.misbehave(Fault(Kind.REFUSE))

    for _ in range(2):  # a connection kept open does not help either
        with pytest.raises(httpx.ConnectError):
            await pair.ask()
    with pytest.raises(SolanaRpcException):
        await pair.bad.get_slot()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", int(pair.chain.ws.rpartition(":")[2]))


async def test_flapping_an_endpoint_goes_down_and_comes_back_by_itself(pair: Pair) -> None:
    await pair.misbehave(Fault(Kind.FLAP, When(until=0.2), seconds=0.2))
    with pytest.raises(httpx.ConnectError):
        await pair.ask()

    async def serves() -> bool:
        try:
            return (await pair.ask()).is_success
        except httpx.ConnectError:
            return False

    await until(serves)


async def test_selected_requests_are_reset_and_others_served(pair: Pair) -> None:
    await pair.misbehave(Fault(Kind.REFUSE, When(methods=("getHealth",), count=1)))

    with pytest.raises(httpx.ReadError):
        await pair.ask()
    assert (await pair.ask()).is_success


async def test_a_hanging_endpoint_reads_and_never_answers(pair: Pair) -> None:
    await pair.misbehave(Fault(Kind.HANG))
    with pytest.raises(httpx.ReadTimeout):
        await pair.ask(patience=0.1)

    waiting = asyncio.create_task(pair.ask(patience=60))
    await until(lambda: struck(pair, 2))
    await pair.behave()
    with pytest.raises(httpx.ReadError):
        await waiting


async def test_a_slow_endpoint_answers_after_its_time_or_when_the_fault_is_cleared(
    pair: Pair,
) -> None:
    await pair.misbehave(Fault(Kind.SLOW, seconds=3600))
    with pytest.raises(httpx.ReadTimeout):
        await pair.ask(patience=0.1)

    waiting = asyncio.create_task(pair.ask(patience=60))
    await until(lambda: struck(pair, 2))
    await pair.behave()
    assert (await waiting).is_success

    await pair.misbehave(Fault(Kind.SLOW, seconds=0.01))
    assert (await pair.ask()).is_success


@pytest.mark.parametrize(("seconds", "header"), [(None, None), (2, "2"), (0.5, "0.5")])
async def test_too_many_requests_as_http_status_with_and_without_retry_after(
    pair: Pair, seconds: float | None, header: str | None
) -> None:
    await pair.misbehave(Fault(Kind.RATE_LIMITED, seconds=seconds))
    response = await pair.ask()

    assert (response.status_code, response.headers.get("Retry-After")) == (429, header)
    assert (response.json()["error"]["code"], response.json()["id"]) == (429, 7)
    with pytest.raises(SolanaRpcException):
        await pair.bad.get_slot()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (
            Fault(Kind.RPC_ERROR),
            {"code": 429, "message": "Too many requests for a specific RPC call"},
        ),
        (
            Fault(Kind.RPC_ERROR, code=-32005, blocks=42),
            {
                "code": -32005,
                "message": "Node is behind by 42 slots",
                "data": {"numSlotsBehind": 42},
            },
        ),
    ],
)
async def test_errors_of_json_rpc_with_status_200_also_for_each_of_a_batch(
    pair: Pair, fault: Fault, error: dict[str, Any]
) -> None:
    await pair.misbehave(fault)
    response = await pair.ask()

    assert (response.status_code, response.json()["error"]) == (200, error)
    batch = (await pair.ask([HEALTH, HEALTH | {"id": 8}])).json()
    assert [(one["id"], one["error"]) for one in batch] == [(7, error), (8, error)]


async def test_server_errors_bring_the_status_that_was_asked_for(pair: Pair) -> None:
    for given, status in [(None, 503), (500, 500), (502, 502)]:
        await pair.misbehave(Fault(Kind.SERVER_ERROR, status=given))
        assert (await pair.ask()).status_code == status


@pytest.mark.parametrize("kind", [Kind.TRUNCATED, Kind.GARBAGE, Kind.HTML])
async def test_status_200_with_what_is_no_json(pair: Pair, kind: Kind) -> None:
    await pair.misbehave(Fault(kind))
    response = await pair.ask()

    assert response.status_code == 200
    with pytest.raises(ValueError):
        response.json()
    with pytest.raises(Exception, match=r".+"):
        await pair.bad.get_slot()


async def test_an_answer_cut_off_in_the_middle_is_a_broken_connection(pair: Pair) -> None:
    await pair.misbehave(Fault(Kind.CUT_OFF))

    with pytest.raises(httpx.RemoteProtocolError):
        await pair.ask()


async def test_the_same_seed_fails_the_same_requests(pair: Pair) -> None:
    async def failures(seed: int) -> list[bool]:
        await pair.misbehave(Fault(Kind.SERVER_ERROR, When(probability=0.5)), seed=seed)
        return [(await pair.ask()).is_error for _ in range(30)]

    first = await failures(seed=1)
    assert set(first) == {True, False}
    assert await failures(seed=1) == first
    assert await failures(seed=2) != first


async def test_a_fault_that_an_endpoint_can_not_have_is_refused_with_those_it_can(
    pair: Pair,
) -> None:
    with pytest.raises(control.ControlRefused, match="no such fault here: endless; there are"):
        await pair.misbehave(Fault(Kind.ENDLESS))
    with pytest.raises(control.ControlRefused, match="no endpoint 'solana-9' here; there are"):
        await control.behave(pair.chain.control, "solana-9")


async def test_the_control_port_tells_the_faults_and_how_many_requests_they_struck(
    pair: Pair,
) -> None:
    await pair.misbehave(Fault(Kind.SERVER_ERROR, When(count=2)), seed=3)
    for _ in range(5):
        await pair.ask()

    told = (await control.faults(pair.chain.control))[BAD]
    assert told["faults"] == [{"kind": "server-error", "count": 2, "struck": 2}]
    assert told["seed"] == 3

"""Faults through the processes' own objects, as tests of services use them."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from mint_sandbox.faults import Fault, Kind, When
from mint_sandbox.python_servers import IpfsServer, SolanaServer

SLOT = {"jsonrpc": "2.0", "id": 1, "method": "getSlot"}


async def test_each_of_several_endpoints_misbehaves_by_itself_and_behaves_again() -> None:
    server = SolanaServer(slot_ms=50, endpoints=3)
    await server.start()
    try:
        async with aiohttp.ClientSession() as http:
            await server.misbehave("solana-2", Fault(Kind.SERVER_ERROR, When(count=5)))
            await server.misbehave("solana-3", Fault(Kind.REFUSE))

            one, two, three = server.rpc_urls
            assert (await http.post(one, json=SLOT)).status == 200
            assert (await http.post(two, json=SLOT)).status == 503
            with pytest.raises(aiohttp.ClientConnectorError):
                await http.post(three, json=SLOT)
            assert await server.struck("solana-2") == [1]

            await server.behave()
            assert [(await http.post(url, json=SLOT)).status for url in server.rpc_urls] == [
                200
            ] * 3
    finally:
        await server.stop()


async def test_a_killed_server_comes_back_on_its_ports_and_behaves() -> None:
    server = IpfsServer()
    await server.start()
    try:
        await server.misbehave("gateway-3", Fault(Kind.REFUSE))
        urls = (server.control_url, *server.gateways)
        await server.kill()
        await server.start()

        assert (server.control_url, *server.gateways) == urls
        assert await server.struck("gateway-3") == []
        async with aiohttp.ClientSession() as http:
            assert (await http.get(f"{urls[-1]}/ipfs/none")).status == 400
    finally:
        await server.stop()


async def test_a_server_ends_cleanly_while_requests_hang() -> None:
    server = SolanaServer(slot_ms=50)
    await server.start()
    process, log = server.process, server.process.log_file
    try:
        await server.misbehave("solana-1", Fault(Kind.HANG))
        async with aiohttp.ClientSession() as http:
            hanging = asyncio.create_task(http.post(server.rpc_url, json=SLOT))
            while await server.struck("solana-1") == [0]:  # noqa: ASYNC110 - it can only be asked
                await asyncio.sleep(0.01)
            await process.stop(patience=20)
            with pytest.raises(aiohttp.ClientError):
                await hanging
        assert log.read_text() == ""
    finally:
        await server.stop()

"""Every server counts what it was asked, by endpoint and operation."""

from __future__ import annotations

import aiohttp
import httpx

from mint_content.unixfs import cid_of
from mint_sandbox.control import client
from mint_sandbox.ipfs.server import running
from mint_sandbox.python_servers import SolanaServer


def call(method: str) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": 1, "method": method}


async def test_calls_of_rpc_methods_are_counted_one_by_one_also_in_a_batch() -> None:
    server = SolanaServer(slot_ms=50)
    await server.start()
    try:
        async with aiohttp.ClientSession() as http:
            await http.post(server.rpc_url, json=call("getSlot"))
            await http.post(server.rpc_url, json=[call("getSlot"), call("getHealth")])
            await http.post(server.rpc_url, data=b"no JSON")
        assert await server.calls() == {"solana-1": {"getSlot": 2, "getHealth": 1}}

        await server.reset_calls()
        assert await server.calls() == {"solana-1": {}}
    finally:
        await server.stop()


async def test_calls_of_every_ipfs_server_are_counted_by_operation() -> None:
    async with running() as endpoints, httpx.AsyncClient() as http:
        headers = {"Authorization": f"Bearer {endpoints.pinata_jwt}"}
        await http.post(
            f"{endpoints.pinata_upload}/v3/files", headers=headers, files={"file": b"dragon"}
        )
        await http.get(f"{endpoints.pinata_api}/v3/files/public", headers=headers)
        await http.post(f"{endpoints.kubo_rpc}/api/v0/add", files={"file": b"dragon"})
        await http.post(f"{endpoints.kubo_rpc}/api/v0/version")
        for gateway in endpoints.gateways[:2]:
            await http.get(f"{gateway}/ipfs/{cid_of(b'dragon')}")

        assert await client.calls(endpoints.control) == {
            "pinata": {"upload": 1, "list_files": 1},
            "kubo": {"add": 1, "version": 1},
            "psa": {},
            "gateway-1": {"fetch": 1},
            "gateway-2": {"fetch": 1},
            "gateway-3": {},
        }

"""Two endpoints of one chain, of which the first misbehaves when told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from solana.rpc.async_api import AsyncClient
from solders.signature import Signature

from mint_sandbox.control import client as control
from mint_sandbox.faults import Fault
from mint_sandbox.solana import Genesis, Running, serve

HEALTH = {"jsonrpc": "2.0", "id": 7, "method": "getHealth"}
BAD = "solana-1"
SOON = 5.0  # seconds that a client waits where an answer, or its absence, is expected


@dataclass(frozen=True)
class Pair:
    """Two endpoints of one chain: the first one misbehaves."""

    chain: Running
    bad: AsyncClient
    good: AsyncClient
    http: httpx.AsyncClient

    async def misbehave(self, *faults: Fault, seed: int = 0) -> None:
        await control.misbehave(self.chain.control, BAD, faults, seed=seed)

    async def behave(self) -> None:
        await control.behave(self.chain.control, BAD)

    async def ask(self, body: object = HEALTH, patience: float = SOON) -> httpx.Response:
        return await self.http.post(self.chain.endpoints[0].rpc, json=body, timeout=patience)

    async def landed(self, signature: Signature) -> bool:
        statuses = await self.good.get_signature_statuses(
            [signature], search_transaction_history=True
        )
        return statuses.value[0] is not None


@asynccontextmanager
async def two_endpoints(program: bytes) -> AsyncIterator[Pair]:
    genesis = Genesis(seed=7, skip_rate=0.0)
    async with (
        serve(program, genesis=genesis, slot_seconds=None, endpoints=2) as chain,
        AsyncClient(chain.endpoints[0].rpc, timeout=SOON, max_transport_retries=0) as bad,
        AsyncClient(chain.endpoints[1].rpc) as good,
        httpx.AsyncClient() as http,
    ):
        yield Pair(chain, bad, good, http)


async def struck(pair: Pair, times: int) -> bool:
    [fault] = (await control.faults(pair.chain.control))[BAD]["faults"]
    return bool(fault["struck"] == times)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await holds():  # noqa: ASYNC110 - the other side can only be asked
            await asyncio.sleep(0.01)

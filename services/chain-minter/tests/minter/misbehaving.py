"""A chain behind three endpoints which can be told to misbehave, and what must hold in the end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from chain_minter.transport import HttpTransport
from mint_chain.addresses import TOKEN_PROGRAM
from mint_events.catalogue import MintConfirmed
from mint_sandbox.control import client
from mint_sandbox.faults import Fault, When
from mint_sandbox.solana import Genesis, serve, token_metadata_program
from mint_sandbox.solana.chain import Commitment

from .world import RULES, Process, World

PRIMARY, BACKUP, LAST = "solana-1", "solana-2", "solana-3"
ALL = (PRIMARY, BACKUP, LAST)
CAREFUL = replace(RULES, witnesses=2)
"""As in production: nobody's word alone says that something is not there."""
SENDING = When(methods=("sendTransaction",))
TELLING_HEIGHTS = When(methods=("getEpochInfo", "getLatestBlockhash"))


@asynccontextmanager
async def three_endpoints() -> AsyncIterator[World]:
    program = token_metadata_program(os.environ)
    async with (
        serve(program, genesis=Genesis(seed=1), slot_seconds=0.04, endpoints=3) as chain,
        HttpTransport(seconds=30, connections=16) as transport,
    ):
        world = World(chain, transport)
        chain.pass_slots(40)  # so that what the authority holds is final
        yield world


async def misbehave(world: World, endpoint: str, *faults: Fault) -> None:
    await client.misbehave(world.chain.control, endpoint, faults)


async def assert_struck(world: World, endpoint: str) -> None:
    """Each fault that the endpoint has: one that never strikes shows nothing."""
    told = (await client.faults(world.chain.control))[endpoint]["faults"]
    assert told
    assert [fault for fault in told if not fault["struck"]] == []


async def minted(world: World, process: Process) -> MintConfirmed:
    """One mint, confirmed, and one NFT on the chain."""
    confirmed = await process.mint(world.prepared())
    assert isinstance(confirmed, MintConfirmed)
    assert_one_nft(world)
    return confirmed


def assert_one_nft(world: World, mint_id: str = "mint-1") -> None:
    assert world.is_whole(mint_id)
    accounts = [*world.chain.ledger.program_accounts(TOKEN_PROGRAM, Commitment.PROCESSED)]
    assert len(accounts) == 2  # the mint and its token account


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - nobody signals what happens on the chain
            await asyncio.sleep(0.005)

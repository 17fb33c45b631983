"""Updates of the URI by the minter as a process, which is killed at its step boundaries."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solders.account import Account

from mint_chain.accounts import AccountState
from mint_chain.addresses import metadata_address, mint_address
from mint_chain.nft import OnChain, observe, parts_of
from mint_events.bus import Publisher
from mint_events.catalogue import MetadataUriUpdated, MintConfirmed, MintPrepared, MintSubmitted
from mint_events.codec import Codec
from mint_events.envelope import Envelope, root
from mint_resilience.failpoints import Boundary
from mint_sandbox.kafka import KafkaCluster
from mint_sandbox.process import ChildProcess, Command
from mint_sandbox.python_servers import SolanaServer

from .processes import (
    World,
    events_until,
    service,
    until_nothing_is_in_flight,
    world_of,
)
from .updates import NEW, asked

BOUNDARIES = (
    Boundary.MINT_RECORDED,
    Boundary.MINT_ANNOUNCED,
    Boundary.MINT_SENT,
    Boundary.MINT_CONFIRMED,
)
"""Those that leave something behind; each death is noticed by the group only after six seconds."""


@pytest.fixture
async def world(kafka: KafkaCluster, topic_prefix: str, tmp_path: Path) -> AsyncIterator[World]:
    """Its blockhashes are good for a minute, as on the real cluster; a restart takes less."""
    server = SolanaServer()
    await server.start()
    yield await world_of(kafka, server, topic_prefix, tmp_path)
    await server.stop()


@pytest.mark.requirement("CH-2", "CH-3", "CH-10")
async def test_killed_at_its_boundaries_updates_go_on_to_one_transaction_each(
    world: World, tmp_path: Path
) -> None:
    mints = [world.prepared(f"mint-{boundary}") for boundary in BOUNDARIES]
    mint_ids = {mint.mint_id for mint in mints}
    async with Publisher(world.cluster, Codec()) as publisher:
        async with service(world, tmp_path):
            await publisher.publish(*mints)
            await events_until(MintConfirmed, world, mint_ids)
        for boundary, mint in zip(BOUNDARIES, mints, strict=True):
            await publisher.publish(update_of(mint))
            await dies_at(boundary, world, tmp_path)
        async with service(world, tmp_path):
            events = await events_until(MetadataUriUpdated, world, mint_ids)
            await until_nothing_is_in_flight(world)

    for mint_id in mint_ids:
        there = await on_chain(world, mint_id)
        assert there.metadata is not None
        assert there.metadata.uri == NEW
        assert there.mint is not None
        assert there.mint.supply == 1
        told = signatures(events, mint_id)
        assert len(told) == 2
        assert await history_of(world, mint_id) == told


def update_of(mint: Envelope) -> Envelope:
    assert isinstance(mint.event, MintPrepared)
    return root(asked(mint.event), id=uuid4(), source="test", time=datetime.now(UTC))


async def dies_at(boundary: Boundary, world: World, folder: Path) -> None:
    """A process is started that ends itself, by kill -9, when it gets to the boundary."""
    env = {**world.env, "TRIMINT_FAILPOINT": boundary}
    child = ChildProcess("dying", Command([sys.executable, "-m", "chain_minter"], env), folder)
    child.spawn()
    process = child._popen
    assert process is not None
    async with asyncio.timeout(60):
        while process.poll() is None:  # noqa: ASYNC110 - nobody signals the end of a process
            await asyncio.sleep(0.01)
    assert process.returncode == -signal.SIGKILL


def signatures(events: list[Envelope], mint_id: str) -> set[str | None]:
    """Of all that was signed for the mint and its update, and said to have made them."""
    return {
        each.event.signature
        for each in events
        if each.mint_id == mint_id
        and isinstance(each.event, MintSubmitted | MintConfirmed | MetadataUriUpdated)
    }


async def on_chain(world: World, mint_id: str) -> OnChain:
    """The NFT as the chain itself has it."""
    keys = [*parts_of(mint_address(world.authority, mint_id))]
    async with AsyncClient(world.env["TRIMINT_SOLANA_RPC_URLS"]) as client:
        accounts = (await client.get_multiple_accounts(keys, Confirmed)).value
    return observe(*map(state_of, accounts))


def state_of(account: Account | None) -> AccountState | None:
    return AccountState(account.lamports, account.owner, account.data) if account else None


async def history_of(world: World, mint_id: str) -> set[str]:
    """The transactions that name the metadata account."""
    account = metadata_address(mint_address(world.authority, mint_id))
    async with AsyncClient(world.env["TRIMINT_SOLANA_RPC_URLS"]) as client:
        found = (await client.get_signatures_for_address(account, commitment=Confirmed)).value
    return {str(each.signature) for each in found}

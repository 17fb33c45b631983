"""The database is killed, or falls silent, under load: it is waited for, nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from support.orders import orders
from support.soundness import assert_all_completed_once
from support.upstream import Upstream

from mint_events.catalogue import MintPrepared
from mint_sandbox.kafka import KafkaCluster
from mint_sandbox.postgres import PostgresServer
from mint_sandbox.python_servers import IpfsServer, SolanaServer
from mint_sandbox.servers import Servers
from mint_sandbox.tenant import Tenant
from trimint.fleet import Fleet

MINTS = 30
SILENCE = 10.0
"""Seconds that the server is paused for: the length of the fault, nothing is waited for by it."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def postgres() -> AsyncIterator[PostgresServer]:
    async with PostgresServer() as server:
        yield server


@pytest.fixture(scope="module")
def stack(
    kafka: KafkaCluster, postgres: PostgresServer, solana: SolanaServer, ipfs: IpfsServer
) -> Servers:
    return Servers(kafka, postgres, solana, ipfs)


Fault = Callable[[PostgresServer], Awaitable[None]]


async def die_and_come_back(postgres: PostgresServer) -> None:
    await postgres.kill()
    await postgres.start()


async def fall_silent_for_a_while(postgres: PostgresServer) -> None:
    postgres.pause()
    try:
        await asyncio.sleep(SILENCE)
    finally:
        postgres.resume()


@pytest.mark.requirement("RE-1", "RE-9", "RE-10", "CH-1")
@pytest.mark.parametrize("fault", [die_and_come_back, fall_silent_for_a_while])
async def test_a_database_that_goes_away_under_load_loses_and_doubles_nothing(
    fault: Fault,
    postgres: PostgresServer,
    tenant: Tenant,
    fleet: Fleet,
    shop: Upstream,
    unique_name: str,
) -> None:
    requests = orders(unique_name, MINTS)

    await shop.request(*requests)
    await shop.until(MINTS // 3, MintPrepared, within=90)
    await fault(postgres)
    ends = await shop.ends([r.mint_id for r in requests], within=180)

    await assert_all_completed_once(tenant, shop, requests, ends)

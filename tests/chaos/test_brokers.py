"""Three brokers, of which one is killed and another falls silent under load (DE-4)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from support.orders import orders
from support.replicas import until_in_sync
from support.soundness import assert_all_completed_once
from support.upstream import Upstream

from mint_events.bus import Cluster
from mint_events.catalogue import MintPrepared
from mint_sandbox.kafka import KafkaCluster
from mint_sandbox.postgres import PostgresServer
from mint_sandbox.python_servers import IpfsServer, SolanaServer
from mint_sandbox.servers import Servers
from mint_sandbox.tenant import Tenant
from trimint.fleet import Fleet

MINTS = 30
BROKERS = 3


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def kafka() -> AsyncIterator[KafkaCluster]:
    async with KafkaCluster(BROKERS) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def stack(
    kafka: KafkaCluster, postgres: PostgresServer, solana: SolanaServer, ipfs: IpfsServer
) -> Servers:
    return Servers(kafka, postgres, solana, ipfs)


@pytest.mark.requirement("CH-1", "CH-2", "RE-1", "DE-4")
async def test_a_broker_killed_under_load_and_started_again_loses_and_doubles_nothing(
    kafka: KafkaCluster,
    cluster: Cluster,
    tenant: Tenant,
    fleet: Fleet,
    shop: Upstream,
    unique_name: str,
) -> None:
    requests = orders(unique_name, MINTS)

    await shop.request(*requests)
    await shop.until(MINTS // 3, MintPrepared, within=90)
    await kafka.kill(2)
    ends = await shop.ends([r.mint_id for r in requests], within=120)
    await kafka.restart(2)
    await until_in_sync(cluster, replicas=BROKERS, within=60)

    await assert_all_completed_once(tenant, shop, requests, ends)


@pytest.mark.requirement("CH-1", "CH-2", "RE-1", "DE-4")
async def test_a_broker_that_falls_silent_under_load_loses_and_doubles_nothing(
    kafka: KafkaCluster,
    cluster: Cluster,
    tenant: Tenant,
    fleet: Fleet,
    shop: Upstream,
    unique_name: str,
) -> None:
    """It takes connections and answers nothing; clients give such a request up after 10 s, members
    of a group after as long as a rebalance may take."""
    requests = orders(unique_name, MINTS)

    await shop.request(*requests)
    await shop.until(MINTS // 3, MintPrepared, within=90)
    kafka.pause(3)
    try:
        ends = await shop.ends([r.mint_id for r in requests], within=240)
    finally:
        kafka.resume(3)
    await until_in_sync(cluster, replicas=BROKERS, within=60)

    await assert_all_completed_once(tenant, shop, requests, ends)

"""RPC endpoints fail, lose replies, lose transactions: work waits, and each mint gets one NFT."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from support.orders import orders
from support.soundness import assert_all_completed_once
from support.upstream import Upstream

from mint_events.catalogue import MintPrepared
from mint_sandbox.faults import Fault, Kind, When
from mint_sandbox.kafka import KafkaCluster
from mint_sandbox.postgres import PostgresServer
from mint_sandbox.python_servers import IpfsServer, SolanaServer
from mint_sandbox.servers import Servers
from mint_sandbox.tenant import Tenant
from trimint.fleet import Fleet

MINTS = 20
ENDPOINTS = ("solana-1", "solana-2", "solana-3")
SENDING = ("sendTransaction",)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def solana() -> AsyncIterator[SolanaServer]:
    server = SolanaServer(slot_ms=50, endpoints=len(ENDPOINTS))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="module")
def stack(
    kafka: KafkaCluster, postgres: PostgresServer, solana: SolanaServer, ipfs: IpfsServer
) -> Servers:
    return Servers(kafka, postgres, solana, ipfs)


@pytest_asyncio.fixture(loop_scope="session")
async def fleet(tenant: Tenant, tmp_path: Path) -> AsyncIterator[Fleet]:
    env = {**tenant.env, "TRIMINT_VERIFY_DELAY": "1", "TRIMINT_RECHECK_WAITS": "2,5"}
    async with Fleet(env, tmp_path / "logs") as fleet:
        await fleet.ready()
        yield fleet


async def misbehave(solana: SolanaServer, names: Sequence[str], *faults: Fault) -> None:
    """Give each endpoint these faults, each by a seed of its own."""
    for seed, name in enumerate(names):
        await solana.misbehave(name, *faults, seed=seed)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Which endpoints have which faults."""

    endpoints: tuple[str, ...]
    faults: tuple[Fault, ...]


TROUBLES = {
    "the primary refuses": Trouble(ENDPOINTS[:1], (Fault(Kind.REFUSE),)),
    "a fifth of all calls fail": Trouble(
        ENDPOINTS, (Fault(Kind.SERVER_ERROR, When(probability=0.2)),)
    ),
    "replies to sent transactions are lost": Trouble(
        ENDPOINTS, (Fault(Kind.LOST_REPLY, When(methods=SENDING, probability=0.7)),)
    ),
    "a third of sent transactions are lost": Trouble(
        ENDPOINTS, (Fault(Kind.DROP, When(methods=SENDING, probability=0.33)),)
    ),
    "transactions land at the last moment": Trouble(
        ENDPOINTS, (Fault(Kind.LATE, When(methods=SENDING, probability=0.33)),)
    ),
}


async def has_struck(solana: SolanaServer, trouble: Trouble) -> bool:
    """A closed port counts nobody: who is refused shows in that no call has got through."""
    if Fault(Kind.REFUSE) in trouble.faults:
        calls = await solana.calls()
        return not any(calls[name] for name in trouble.endpoints)
    return any([any(await solana.struck(name)) for name in trouble.endpoints])


@pytest.mark.requirement("CH-1", "CH-2", "NR-3")
async def test_while_no_endpoint_answers_mints_wait_and_afterwards_each_gets_its_nft(
    solana: SolanaServer, tenant: Tenant, fleet: Fleet, shop: Upstream, unique_name: str
) -> None:
    requests = orders(unique_name, MINTS)

    await misbehave(solana, ENDPOINTS, Fault(Kind.REFUSE))
    await shop.request(*requests)
    await shop.until(MINTS, MintPrepared, within=120)
    await asyncio.gather(*(fleet[name].unready(within=60) for name in ("chain-minter", "verifier")))
    await solana.behave()
    ends = await shop.ends([r.mint_id for r in requests], within=180)

    await assert_all_completed_once(tenant, shop, requests, ends)


@pytest.mark.requirement("CH-1", "CH-2", "NR-3")
@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
async def test_each_mint_has_one_nft_although(
    trouble: Trouble,
    solana: SolanaServer,
    tenant: Tenant,
    fleet: Fleet,
    shop: Upstream,
    unique_name: str,
) -> None:
    requests = orders(unique_name, MINTS)

    await misbehave(solana, trouble.endpoints, *trouble.faults)
    await solana.reset_calls()
    try:
        await shop.request(*requests)
        ends = await shop.ends([r.mint_id for r in requests], within=180)
        assert await has_struck(solana, trouble)
    finally:
        await solana.behave()

    await assert_all_completed_once(tenant, shop, requests, ends)

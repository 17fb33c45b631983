"""No mint starts while a layer it needs is down or in maintenance; what waits goes on by itself."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import pytest
import pytest_asyncio
from solders.keypair import Keypair
from support.orders import order, orders
from support.upstream import Upstream

from mint_events.catalogue import MintCompleted, MintRequested
from mint_sandbox.authority import fund, write_key_file
from mint_sandbox.faults import Fault, Kind
from mint_sandbox.kafka import KafkaCluster
from mint_sandbox.postgres import PostgresServer
from mint_sandbox.python_servers import IpfsServer, SolanaServer
from mint_sandbox.servers import Servers
from mint_sandbox.tenant import Tenant
from trimint.fleet import Fleet, ServiceProcess

PROVIDERS = ("pinata", "kubo")
PATIENCE = 90.0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ipfs() -> AsyncIterator[IpfsServer]:
    """Providers of this module's own: it takes them down."""
    server = IpfsServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="module")
def stack(
    kafka: KafkaCluster, postgres: PostgresServer, solana: SolanaServer, ipfs: IpfsServer
) -> Servers:
    return Servers(kafka, postgres, solana, ipfs)


@pytest.fixture
def env(tenant: Tenant) -> dict[str, str]:
    return {**tenant.env, "TRIMINT_VERIFY_DELAY": "1", "TRIMINT_READINESS_SECONDS": "1"}


async def until_metric(service: ServiceProcess, sample: str, expected: float) -> None:
    """Wait until the service's metric is this."""
    value: float | None = None
    async with asyncio.timeout(PATIENCE), httpx.AsyncClient() as http:
        while value != expected:
            address = service.address()
            if address is not None:
                value = await _metric(http, address, sample)
            await asyncio.sleep(0.1)


async def _metric(http: httpx.AsyncClient, address: str, sample: str) -> float | None:
    lines = (await http.get(f"{address}/metrics")).text.splitlines()
    found = [line for line in lines if line.startswith(f"{sample} ")]
    return float(found[0].split()[-1]) if found else None


async def accepted(tenant: Tenant) -> list[str]:
    """The mints that have begun, in the order in which they did."""
    connection = await asyncpg.connect(tenant.database.dsn())
    try:
        rows = await connection.fetch(
            "SELECT mint_id FROM event_store WHERE type = 'MintAccepted' ORDER BY position"
        )
    finally:
        await connection.close()
    return [row["mint_id"] for row in rows]


async def trimint_gate(env: dict[str, str], *arguments: str) -> dict[str, object]:
    """What a command of the gate prints."""
    command = (sys.executable, "-m", "trimint", "gate", *arguments, "--json")
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    document: dict[str, object] = json.loads(out)
    return document


async def wait_in_line(
    shop: Upstream, fleet: Fleet, requests: list[MintRequested], *, already: int = 0
) -> None:
    """Ask for mints one after the other, and see that they wait."""
    for request in requests:
        await shop.request(request)
    await until_metric(fleet["reconciler"], "trimint_requests_waiting", already + len(requests))


@pytest.mark.requirement("MF-3", "NR-5")
async def test_while_no_ipfs_provider_is_there_new_mints_wait_and_then_complete_in_order(
    ipfs: IpfsServer,
    tenant: Tenant,
    env: dict[str, str],
    shop: Upstream,
    unique_name: str,
    tmp_path: Path,
) -> None:
    requests = orders(unique_name, 10)
    async with Fleet(env, tmp_path / "logs") as fleet:
        await fleet.ready()
        # It is closed at first, too: before anybody has said that the layer is well.
        await until_metric(fleet["reconciler"], 'trimint_gate_open{layer="ipfs"}', 1)
        for provider in PROVIDERS:
            await ipfs.misbehave(provider, Fault(Kind.REFUSE))
        try:
            await until_metric(fleet["reconciler"], 'trimint_gate_open{layer="ipfs"}', 0)
            await wait_in_line(shop, fleet, requests)
            assert await accepted(tenant) == []
        finally:
            await ipfs.behave()
        ends = await shop.ends([r.mint_id for r in requests], within=120)

    assert {type(end) for end in ends.values()} == {MintCompleted}
    assert await accepted(tenant) == [request.mint_id for request in requests]


@pytest.mark.requirement("MF-3")
async def test_while_the_payer_has_no_balance_new_mints_wait_until_it_is_funded(
    tenant: Tenant, env: dict[str, str], shop: Upstream, unique_name: str, tmp_path: Path
) -> None:
    payer, key_file = Keypair(), tmp_path / "payer.json"
    write_key_file(payer, key_file)
    env |= {
        "TRIMINT_SOLANA_AUTHORITY": str(payer.pubkey()),
        "TRIMINT_SOLANA_AUTHORITY_KEY_FILE": str(key_file),
    }
    request = order(unique_name)
    async with Fleet(env, tmp_path / "logs") as fleet:
        poor = 'trimint_gate_closed{layer="solana",reason="down"}'
        await until_metric(fleet["reconciler"], poor, 1)
        await wait_in_line(shop, fleet, [request])
        assert await accepted(tenant) == []
        assert "send it some" in str(await trimint_gate(env, "show"))

        await fund(str(payer.pubkey()), tenant.servers.solana.rpc_url)
        ends = await shop.ends([request.mint_id], within=120)

    assert isinstance(ends[request.mint_id], MintCompleted)


@pytest.mark.requirement("MF-3", "CF-3")
async def test_an_operator_closes_a_layer_and_opens_it_and_mints_in_progress_are_finished(
    tenant: Tenant, env: dict[str, str], shop: Upstream, unique_name: str, tmp_path: Path
) -> None:
    before, after = order(unique_name, 1), orders(unique_name, 3, first=2)
    async with Fleet(env, tmp_path / "logs") as fleet:
        await fleet.ready()
        assert (await trimint_gate(env, "show"))["open"] is True
        await shop.request(before)
        ends = await shop.ends([before.mint_id], within=120)

        closed = await trimint_gate(env, "close", "all", "--reason", "upgrade", "--by", "ann")
        assert closed["open"] is False
        assert "closed by ann: upgrade" in str(closed)
        await until_metric(fleet["reconciler"], 'trimint_gate_open{layer="solana"}', 0)
        await wait_in_line(shop, fleet, after)
        assert await accepted(tenant) == [before.mint_id]

        await trimint_gate(env, "open", "ipfs")
        await trimint_gate(env, "open", "database")
        assert (await trimint_gate(env, "open", "solana"))["open"] is True
        ends |= await shop.ends([r.mint_id for r in after], within=120)

    assert {type(end) for end in ends.values()} == {MintCompleted}
    assert await accepted(tenant) == [before.mint_id, *(r.mint_id for r in after)]

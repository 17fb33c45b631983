"""What breakers did is in the audit trail, of every service whose endpoints failed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio
from support.orders import orders
from support.soundness import assert_all_completed_once
from support.upstream import Upstream

from mint_sandbox.faults import Fault, Kind
from mint_sandbox.kafka import KafkaCluster
from mint_sandbox.postgres import PostgresServer
from mint_sandbox.python_servers import IpfsServer, SolanaServer
from mint_sandbox.servers import Servers
from mint_sandbox.tenant import Tenant
from trimint.fleet import Fleet

PATIENCE = 90.0
SOLANA = ("chain-minter", "endpoint/solana/primary")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def solana() -> AsyncIterator[SolanaServer]:
    """Endpoints of this module's own: it takes one down."""
    server = SolanaServer(slot_ms=50, endpoints=2)
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ipfs() -> AsyncIterator[IpfsServer]:
    """Gateways of this module's own: it takes one down."""
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
def settings() -> dict[str, str]:
    return {"TRIMINT_BREAKER_MINIMUM_CALLS": "1", "TRIMINT_BREAKER_PROBE_SECONDS": "1"}


class Trail:
    """The changes of breakers in the event store."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self._connection = connection

    async def changes(self, of: tuple[str, str]) -> list[tuple[str, str]]:
        """From what to what, of one service's view of an endpoint, in their order."""
        service, subject = of
        rows = await self._connection.fetch(
            "SELECT decoded->>'before', decoded->>'after' FROM event_store"
            " WHERE type = 'BreakerChanged' AND source = $1 AND mint_id = $2 ORDER BY sequence",
            service,
            subject,
        )
        return [(before, after) for before, after in rows]

    async def until(self, of: tuple[str, str], change: tuple[str, str]) -> None:
        """Wait until it is among them."""
        try:
            async with asyncio.timeout(PATIENCE):
                while change not in await self.changes(of):  # noqa: ASYNC110 - it is remote
                    await asyncio.sleep(0.1)
        except TimeoutError as error:
            there = await self._connection.fetch(
                "SELECT source, mint_id, decoded->>'after' FROM event_store"
                " WHERE type = 'BreakerChanged'"
            )
            raise AssertionError(f"never came: {of} {change}; there is {there}") from error


@pytest_asyncio.fixture(loop_scope="session")
async def trail(tenant: Tenant) -> AsyncIterator[Trail]:
    connection = await asyncpg.connect(tenant.database.dsn())
    yield Trail(connection)
    await connection.close()


def gateway_of(ipfs: IpfsServer) -> str:
    """The name of the gateway that is asked first."""
    return urlsplit(ipfs.gateways[0]).netloc


@pytest.mark.requirement("NR-2", "RE-1")
async def test_an_endpoint_that_fails_and_comes_back_is_told_by_events_of_each_who_asked_it(
    solana: SolanaServer,
    ipfs: IpfsServer,
    tenant: Tenant,
    fleet: Fleet,
    trail: Trail,
    shop: Upstream,
    unique_name: str,
) -> None:
    del fleet  # runs
    requests, opened = orders(unique_name, 2), ("closed", "open")
    began = datetime.now(UTC)
    await solana.misbehave("solana-1", Fault(Kind.REFUSE))
    await ipfs.misbehave("gateway-1", Fault(Kind.SERVER_ERROR))
    try:
        await shop.request(*requests)
        ends = await shop.ends([request.mint_id for request in requests], within=120)
        await trail.until(SOLANA, opened)
        for who, what in (
            ("ipfs-uploader", "ipfs-gateway"),
            ("verifier", "ipfs-gateway"),
            ("verifier", "partner-gateway"),
        ):
            await trail.until((who, f"endpoint/{what}/{gateway_of(ipfs)}"), opened)
    finally:
        await solana.behave()
        await ipfs.behave()
    await trail.until(SOLANA, ("half_open", "closed"))

    changes = await trail.changes(SOLANA)
    assert [before for before, _ in changes] == ["closed", *(after for _, after in changes[:-1])]
    await assert_told_as_it_was(tenant, began)
    await assert_all_completed_once(tenant, shop, requests, ends)


async def assert_told_as_it_was(tenant: Tenant, began: datetime) -> None:
    """Why and when breakers opened, without the URLs that were asked."""
    connection = await asyncpg.connect(tenant.database.dsn())
    try:
        rows = await connection.fetch(
            "SELECT occurred_at, decoded->>'reason' AS reason,"
            " decoded->>'failure' AS failure FROM event_store"
            " WHERE type = 'BreakerChanged' AND decoded->>'before' = 'closed'"
        )
    finally:
        await connection.close()
    assert {row["failure"] for row in rows} >= {"outage", "transient"}
    assert [row for row in rows if "://" in row["reason"]] == []
    assert min(row["occurred_at"] for row in rows) >= began

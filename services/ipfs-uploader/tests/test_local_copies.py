"""Documents come out of a real database as they were recorded, for who may only read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from ipfs_uploader.local_copies import DOCUMENT_QUERY, RecordedDocuments
from mint_content.cache import MemoryCache
from mint_content.gateway import GatewayPool, NotRetrieved
from mint_content.source import ContentSource
from mint_content.unixfs import cid_of
from mint_resilience.failures import Outage
from mint_sandbox.postgres import Database

MIGRATIONS = Path(__file__).parents[2] / "reconciler/src/reconciler/migrations"
DOCUMENT = b'{"name": "Dragon"}'
CID = cid_of(DOCUMENT)

_RECORD = """
    INSERT INTO mint_record (mint_id, user_id, wallet, name, symbol, level, is_mutable, status,
                             holds_user_back, metadata_cid, updated_at)
    VALUES ($1, 'u', 'w', 'n', 's', 3, true, 'completed', false, $2, now())
"""


@pytest.fixture
async def documents(database: Database) -> AsyncIterator[RecordedDocuments]:
    """A database in which two mints share a document, and a third has none yet."""
    async with asyncpg.create_pool(database.dsn(), min_size=0, max_size=2) as pool:
        for migration in sorted(MIGRATIONS.glob("*.sql")):
            await pool.execute(migration.read_text())
        for mint_id in ("m-1", "m-2"):
            await pool.execute(_RECORD, mint_id, str(CID))
            await pool.execute("INSERT INTO mint_document VALUES ($1, $2)", mint_id, DOCUMENT)
        await pool.execute(_RECORD, "m-3", str(cid_of(b"{}")))
        yield RecordedDocuments(pool, database.dsn())


@pytest.mark.requirement("IP-5")
async def test_a_document_is_found_by_its_cid(documents: RecordedDocuments) -> None:
    assert await documents.document(CID) == DOCUMENT
    assert await documents.document(cid_of(b"{}")) is None
    assert await documents.document(cid_of(b"nobody recorded this")) is None


async def test_a_document_is_found_by_an_index(
    documents: RecordedDocuments, database: Database
) -> None:
    connection = await asyncpg.connect(database.dsn())
    try:
        await connection.execute("SET enable_seqscan = off")  # so few rows need no index
        plan = await connection.fetch(f"EXPLAIN {DOCUMENT_QUERY}", str(CID))
    finally:
        await connection.close()

    assert any("mint_record_of_metadata" in line for (line,) in plan)


@pytest.mark.requirement("IP-5")
async def test_when_every_gateway_is_down_a_document_comes_from_the_database(
    documents: RecordedDocuments,
) -> None:
    def down(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused", request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(down)) as http:
        gateways = GatewayPool(http, ["https://gateway.example"])
        source = ContentSource(gateways, MemoryCache(0), documents)

        assert await source.fetch(CID) == DOCUMENT
        with pytest.raises(NotRetrieved):
            await source.fetch(cid_of(b"{}"))


@pytest.mark.requirement("NR-1")
async def test_a_database_that_is_not_there_is_an_outage() -> None:
    url = "postgresql://reader@127.0.0.1:1/trimint"
    async with asyncpg.create_pool(url, min_size=0, max_size=1) as pool:
        with pytest.raises(Outage, match=r"127\.0\.0\.1:1/trimint"):
            await RecordedDocuments(pool, url).document(CID)

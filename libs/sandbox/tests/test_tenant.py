"""What a tenant gives to services: rights, keys and names that only it has."""

from __future__ import annotations

import stat
from pathlib import Path

import aiohttp
import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from mint_events.topics import TOPICS
from mint_sandbox.authority import read_key_file
from mint_sandbox.servers import Servers
from mint_sandbox.tenant import Tenant, provide


async def test_the_reader_sees_new_tables_and_changes_nothing(tenant: Tenant) -> None:
    owner = await asyncpg.connect(tenant.env["TRIMINT_DATABASE_URL"])
    await owner.execute("CREATE TABLE mint AS SELECT 1 AS level")
    await owner.execute("CREATE SCHEMA store")
    await owner.execute("CREATE TABLE store.event AS SELECT 2 AS id")
    await owner.close()

    reader = await asyncpg.connect(tenant.env["TRIMINT_DATABASE_READ_URL"])
    assert await reader.fetchval("SELECT level FROM mint") == 1
    assert await reader.fetchval("SELECT id FROM store.event") == 2
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await reader.execute("DELETE FROM mint")
    await reader.execute("SET default_transaction_read_only = off")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await reader.execute("DELETE FROM mint")
    await reader.close()


@pytest.mark.requirement("CH-11")
def test_only_its_owner_may_read_the_authority_s_key(tenant: Tenant) -> None:
    key_file = Path(tenant.env["TRIMINT_SOLANA_AUTHORITY_KEY_FILE"])

    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert str(read_key_file(key_file).pubkey()) == tenant.env["TRIMINT_SOLANA_AUTHORITY"]


async def test_the_authority_has_money_on_the_chain(tenant: Tenant) -> None:
    request = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "getBalance",
        "params": [tenant.authority, {"commitment": "confirmed"}],
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(tenant.servers.solana.rpc_url, json=request) as response,
    ):
        answer = await response.json()

    assert answer["result"]["value"] == 1000 * 10**9


async def test_every_topic_of_the_catalogue_is_there_under_the_prefix(tenant: Tenant) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=tenant.env["TRIMINT_KAFKA_BROKERS"])
    await admin.start()
    present = set(await admin.list_topics())
    await admin.close()

    assert {tenant.topic_prefix + topic.name for topic in TOPICS} <= present


async def test_two_tenants_of_the_same_servers_share_nothing(
    stack: Servers, tenant: Tenant, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = await provide(
        stack,
        tmp_path / "other",
        database=await stack.postgres.create_database(),
        topic_prefix=f"other-{tenant.topic_prefix}",
    )

    own = ("KAFKA_TOPIC_PREFIX", "DATABASE_URL", "SOLANA_AUTHORITY", "SOLANA_AUTHORITY_KEY_FILE")
    for name in own:
        assert tenant.env[f"TRIMINT_{name}"] != other.env[f"TRIMINT_{name}"]

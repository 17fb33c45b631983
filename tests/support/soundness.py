"""What must hold when everything has come to rest, whatever happened before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import asyncpg

from mint_events.catalogue import Event, MintCompleted, MintRequested, RecordDeadLettered
from mint_events.codec import Codec
from mint_events.store import audit
from mint_sandbox.tenant import Tenant
from reconciler.replay import differences
from support.chain import count_nfts, supplies, tokens_without_metadata
from support.upstream import Upstream

_LEDGER_IN_ORDER = ["MintAccepted", "MintPrepared", "MintCompleted"]

_OUT_OF_ORDER = """
SELECT mint_id, topic, position FROM (
    SELECT *, record_offset <= lag(record_offset) OVER (
        PARTITION BY mint_id, topic, partition ORDER BY position) AS is_late
    FROM event_store
) AS ordered WHERE is_late"""


async def assert_each_has_one_nft(tenant: Tenant, mint_ids: Sequence[str]) -> None:
    """The chain holds one token for each of these mints, no other NFT of the authority, and no
    token of its that is no NFT: what was begun at a wrong address would be one."""
    rpc = tenant.servers.solana.rpc_url
    assert await supplies(rpc, tenant.authority, mint_ids) == dict.fromkeys(mint_ids, 1)
    assert await count_nfts(rpc, tenant.authority) == len(mint_ids)
    assert await tokens_without_metadata(rpc, tenant.authority) == set()


async def assert_records_are_sound(tenant: Tenant) -> None:
    """The event store is whole and in order per mint, and a replay gives the live tables."""
    connection = await asyncpg.connect(tenant.database.dsn())
    try:
        assert await audit(connection) == []
        assert await connection.fetch(_OUT_OF_ORDER) == []
        assert await differences(connection, Codec()) == []
        assert await connection.fetch("SELECT * FROM user_lock") == []
    finally:
        await connection.close()


def assert_told_in_order(shop: Upstream, mint_ids: Sequence[str]) -> None:
    """The ledger tells each mint's story once (not counting repetitions), from its beginning."""
    told: dict[str, dict[object, str]] = {mint_id: {} for mint_id in mint_ids}
    for received in shop.seen:
        told[received.envelope.mint_id].setdefault(received.envelope.id, received.envelope.type)
    stories = {mint_id: list(events.values()) for mint_id, events in told.items()}
    assert stories == dict.fromkeys(mint_ids, _LEDGER_IN_ORDER)


async def assert_all_completed_once(
    tenant: Tenant, shop: Upstream, requests: Sequence[MintRequested], ends: Mapping[str, Event]
) -> None:
    """Every request has become one NFT on which chain, ledger, event store and tables agree."""
    mint_ids = [request.mint_id for request in requests]
    assert [r for r in shop.seen if isinstance(r.envelope.event, RecordDeadLettered)] == []
    assert {type(ends[mint_id]) for mint_id in mint_ids} == {MintCompleted}
    await assert_each_has_one_nft(tenant, mint_ids)
    assert_told_in_order(shop, mint_ids)
    await assert_records_are_sound(tenant)

"""A request becomes an NFT whose three layers agree."""

from __future__ import annotations

import asyncpg
import pytest
from support.orders import orders
from support.soundness import assert_each_has_one_nft
from support.upstream import Upstream

from mint_events.catalogue import MintCompleted
from mint_sandbox.tenant import Tenant
from trimint.fleet import Fleet


@pytest.mark.requirement("MF-1", "MF-4", "MF-6", "MF-7", "CH-9", "VE-1", "VE-2", "RE-10")
async def test_every_request_ends_with_one_nft_that_all_layers_agree_on(
    tenant: Tenant, fleet: Fleet, shop: Upstream, unique_name: str
) -> None:
    requests = orders(unique_name, 12, users=5)

    await shop.request(*requests)
    ends = await shop.ends([r.mint_id for r in requests], within=120)

    assert {type(end) for end in ends.values()} == {MintCompleted}
    await assert_each_has_one_nft(tenant, [*ends])
    assert await _statuses(tenant) == {"completed": len(requests)}
    assert [line for service in fleet for line in service.complaints()] == []


@pytest.mark.requirement("MF-5")
async def test_mints_of_one_user_are_worked_on_one_by_one_in_order_of_arrival(
    tenant: Tenant, fleet: Fleet, shop: Upstream, unique_name: str
) -> None:
    requests = orders(unique_name, 4, users=1)

    for request in requests:  # one after the other, so that their order of arrival is known
        await shop.request(request)
    await shop.ends([r.mint_id for r in requests], within=120)

    rows = await _query(
        tenant,
        "SELECT mint_id FROM event_store WHERE type = 'MintPrepared' ORDER BY position",
    )
    assert len(rows) == len(requests)
    assert await _query(tenant, "SELECT * FROM user_lock") == []


async def _statuses(tenant: Tenant) -> dict[str, int]:
    rows = await _query(tenant, "SELECT status, count(*) FROM mint_record GROUP BY status")
    return {row["status"]: row["count"] for row in rows}


async def _query(tenant: Tenant, sql: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(tenant.database.dsn())
    try:
        return list(await connection.fetch(sql))
    finally:
        await connection.close()

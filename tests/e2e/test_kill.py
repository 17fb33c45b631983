"""Kill -9 of any service in the middle of its work: nothing is lost, nothing is doubled."""

from __future__ import annotations

import pytest
from support.orders import orders
from support.soundness import assert_each_has_one_nft
from support.upstream import Upstream

from mint_events.catalogue import MintCompleted, MintPrepared
from mint_sandbox.tenant import Tenant
from trimint.fleet import Fleet

MINTS = 100


@pytest.mark.requirement("CH-1", "CH-2", "RE-1", "RE-10", "DE-4")
@pytest.mark.parametrize("service", ["ipfs-uploader", "chain-minter", "verifier", "reconciler"])
async def test_after_kill_9_in_the_middle_every_mint_has_exactly_one_nft(
    service: str, tenant: Tenant, fleet: Fleet, shop: Upstream, unique_name: str
) -> None:
    requests = orders(unique_name, MINTS)

    await shop.request(*requests)
    await shop.until(MINTS // 4, MintPrepared, within=60)
    await fleet[service].kill()
    fleet[service].start()
    ends = await shop.ends([r.mint_id for r in requests], within=180)

    assert {type(end) for end in ends.values()} == {MintCompleted}
    await assert_each_has_one_nft(tenant, [*ends])

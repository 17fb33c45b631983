"""Kill -9 of any service at random moments under load; `TRIMINT_CHAOS_SEED` repeats a run."""

from __future__ import annotations

import os
import random

import pytest
from support.orders import orders
from support.soundness import assert_all_completed_once
from support.upstream import Upstream

from mint_sandbox.tenant import Tenant
from trimint.fleet import MODULES, Fleet

MINTS = 40
KILLS = 6
LONGEST_INTERVAL = 12
"""Events on the ledger between two kills: progress is the clock, so a slow machine is no matter."""


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("TRIMINT_CHAOS_SEED", "0")) or random.SystemRandom().getrandbits(32)


@pytest.mark.requirement("CH-1", "CH-2", "DE-4", "RE-1", "RE-10")
async def test_whoever_is_killed_whenever_each_mint_has_one_nft(
    tenant: Tenant, fleet: Fleet, shop: Upstream, unique_name: str, seed: int
) -> None:
    print(f"TRIMINT_CHAOS_SEED={seed}")  # noqa: T201 - shown when the test fails
    chance = random.Random(seed)
    requests = orders(unique_name, MINTS, users=MINTS // 2)

    await shop.request(*requests)
    for _ in range(KILLS):
        await shop.progress(chance.randint(1, LONGEST_INTERVAL), within=120)
        victim = fleet[chance.choice(list(MODULES))]
        await victim.kill()
        victim.start()
    ends = await shop.ends([r.mint_id for r in requests], within=200)

    await assert_all_completed_once(tenant, shop, requests, ends)

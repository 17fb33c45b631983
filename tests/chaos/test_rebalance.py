"""Two instances of every service: they join and leave under load, and sleep through rebalances."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from support.orders import orders
from support.soundness import assert_all_completed_once
from support.upstream import Upstream

from mint_events.catalogue import MintPrepared
from mint_sandbox.tenant import Tenant
from trimint.fleet import Fleet

MINTS = 30


@asynccontextmanager
async def second_fleet(tenant: Tenant, folder: Path) -> AsyncIterator[Fleet]:
    """Another instance of each service, on its way into the groups."""
    env = {**tenant.env, "TRIMINT_VERIFY_DELAY": "1"}
    async with Fleet(env, folder / "second") as fleet:
        yield fleet


@pytest.mark.requirement("CH-1", "CH-2", "DE-4", "RE-1")
async def test_instances_that_join_and_leave_under_load_lose_and_double_nothing(
    tenant: Tenant, fleet: Fleet, shop: Upstream, unique_name: str, tmp_path: Path
) -> None:
    requests = orders(unique_name, 2 * MINTS, users=MINTS)

    await shop.request(*requests[:MINTS])
    await shop.until(MINTS // 4, MintPrepared, within=90)
    async with second_fleet(tenant, tmp_path) as second:
        await second.ready()
        await shop.request(*requests[MINTS:])
        await shop.progress(MINTS // 2, within=90)
        await fleet.stop()
        await shop.progress(MINTS // 2, within=90)
        fleet.start()
        await fleet.ready()
    ends = await shop.ends([r.mint_id for r in requests], within=180)

    await assert_all_completed_once(tenant, shop, requests, ends)


@pytest.mark.requirement("CH-1", "CH-2", "DE-4", "RE-1", "RE-10")
async def test_an_instance_that_sleeps_while_others_do_its_work_doubles_nothing_when_it_wakes(
    tenant: Tenant, fleet: Fleet, shop: Upstream, unique_name: str, tmp_path: Path
) -> None:
    asleep, awake = orders(unique_name, MINTS), orders(unique_name, MINTS, first=MINTS + 1)

    async with second_fleet(tenant, tmp_path) as second:
        await second.ready()
        await shop.request(*asleep)
        await shop.until(MINTS // 3, MintPrepared, within=90)
        for service in fleet:
            service.pause()
        ends = await shop.ends([r.mint_id for r in asleep], within=180)
        for service in fleet:
            service.resume()
        await fleet.ready()
        await shop.request(*awake)
        ends |= await shop.ends([r.mint_id for r in awake], within=180)

    await assert_all_completed_once(tenant, shop, [*asleep, *awake], ends)

"""Kill -9 at every step boundary of every service: nothing is lost, nothing is doubled.

The four services visit their boundaries side by side, each one after the other, so that each of
them also meets records that the others left half done.
"""

from __future__ import annotations

import asyncio
import signal

import pytest
from support.orders import orders
from support.soundness import assert_all_completed_once
from support.upstream import Upstream

from mint_events.catalogue import MintRequested
from mint_resilience.failpoints import Boundary
from mint_sandbox.tenant import Tenant
from trimint.fleet import MODULES, Fleet, ServiceProcess

MINTS_EACH = 2
PATIENCE = 180.0


def boundaries_of(service: str) -> list[Boundary]:
    """Where the service can die: its own steps, and those of the consuming runtime if it has it."""
    places = (service,) if service == "reconciler" else (service, "consumer")
    return [boundary for boundary in Boundary if boundary.partition(".")[0] in places]


async def die_everywhere(
    service: ServiceProcess, shop: Upstream, unique_name: str
) -> list[MintRequested]:
    """Let the service die at each of its boundaries, under work; the mints that were ordered.

    Each start finds what the death before has left, and dies at the next boundary.
    """
    ordered: list[MintRequested] = []
    await service.stop()
    for boundary in boundaries_of(service.name):
        service.start({"TRIMINT_FAILPOINT": boundary})
        name = f"{unique_name}-{service.name}-{boundary}"
        wave = orders(name, MINTS_EACH, first=len(ordered))
        await shop.request(*wave)
        assert await service.ended(within=PATIENCE) == -signal.SIGKILL, boundary
        ordered += wave
    service.start()
    return ordered


def test_every_boundary_belongs_to_a_service() -> None:
    assert {b for service in MODULES for b in boundaries_of(service)} == set(Boundary)


@pytest.mark.requirement("CH-1", "CH-2", "DE-4", "RE-1", "RE-10")
async def test_dying_at_every_boundary_leaves_one_nft_for_each_mint_and_sound_records(
    tenant: Tenant, fleet: Fleet, shop: Upstream, unique_name: str
) -> None:
    waves = await asyncio.gather(*(die_everywhere(s, shop, unique_name) for s in fleet))
    requests = [request for wave in waves for request in wave]
    ends = await shop.ends([r.mint_id for r in requests], within=PATIENCE)

    await assert_all_completed_once(tenant, shop, requests, ends)

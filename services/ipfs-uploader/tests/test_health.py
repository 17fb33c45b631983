"""Whether mints can be pinned at all: is somebody there who lets us in and has room (MF-3)?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import httpx
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from ipfs_uploader.assets import Content
from ipfs_uploader.guarded import Guarded, guarded
from ipfs_uploader.health import HealthWatch, layer_health
from ipfs_uploader.pinata import Pinata, PinataAccount
from ipfs_uploader.pinning import Pinning
from mint_content.gateway import GatewayPool
from mint_content.unixfs import cid_of
from mint_resilience.backoff import Backoff
from mint_resilience.failures import AllUnavailable, Outage

if TYPE_CHECKING:
    from conftest import Network

ONCE = Backoff(attempts=1, base=0.0)
AT_ONCE = Backoff(attempts=3, base=0.0)
DEADLINE = 30.0
PATIENCE = 3600
CONTENT = Content("m-1.png", "image/png", bytes(1000), cid_of(bytes(1000)))


@pytest.fixture
def full(account: PinataAccount) -> Guarded:
    """An account whose plan holds less than the content."""
    return guarded((Pinata(replace(account, storage_limit=1000)),))[0]


async def fault_of(*providers: Guarded, deadline: float = DEADLINE) -> str | None:
    """What one look finds."""
    return (await layer_health(providers, AT_ONCE, deadline=deadline)).fault


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


@asynccontextmanager
async def watched(*providers: Guarded) -> AsyncIterator[HealthWatch]:
    """A watch that looks all the time, and tells what it finds to nobody."""
    stop = asyncio.Event()
    look = partial(layer_health, providers, ONCE, deadline=DEADLINE)
    watch = HealthWatch(look, lambda _: None, seconds=0.01)
    running = asyncio.create_task(watch.run(stop))
    try:
        yield watch
    finally:
        stop.set()
        await running


async def until(watch: HealthWatch, fault: str | None) -> None:
    """Wait until this is what it says, or is a part of it."""
    async with asyncio.timeout(30):
        while True:
            said = await watch.readiness()
            if said == fault or (fault and said and fault in said):
                return
            await asyncio.sleep(0.01)


@pytest.mark.requirement("MF-3", "IP-1")
async def test_with_a_full_quota_mints_can_not_be_pinned_until_there_is_room(
    full: Guarded, network: Network
) -> None:
    async with watched(full) as watch:
        assert await watch.readiness() == "the providers are being asked"
        await until(watch, None)

        await full.ensure(CONTENT)
        await until(watch, "pinata: 1000 of 1000 bytes are used; free some, or buy more")

        await full.unpin(CONTENT.cid)
        await until(watch, None)


@pytest.mark.requirement("MF-3")
async def test_a_backup_with_room_is_enough(
    full: Guarded, pinning: Pinning, network: Network
) -> None:
    backup = pinning.providers[1]
    await full.ensure(CONTENT)

    assert await fault_of(full) is not None
    assert await fault_of(full, backup) is None


@pytest.mark.requirement("MF-3", "NR-3")
async def test_content_that_the_plan_has_no_room_for_waits_and_goes_on_when_there_is(
    full: Guarded, http: httpx.AsyncClient, network: Network
) -> None:
    async def no_room(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method == "POST":
            return web.json_response({"error": "Storage limit of the plan exceeded"}, status=403)
        return await handler(request)

    pinning = Pinning((full,), GatewayPool(http, network.endpoints.gateways), ONCE)
    network.faults["pinata"] = no_room
    with pytest.raises(Outage, match="check its credentials and plan"):
        await pinning.pin(CONTENT)

    network.faults.clear()

    assert (await pinning.pin(CONTENT)).providers == ("pinata",)


@pytest.mark.requirement("MF-3")
async def test_a_stop_ends_a_look_that_gets_no_answer(full: Guarded, network: Network) -> None:
    asked = asyncio.Event()

    async def silent(_: web.Request, __: Handler) -> web.StreamResponse:
        asked.set()
        await asyncio.Event().wait()
        return web.Response()

    network.faults["pinata"] = silent
    async with asyncio.timeout(30), watched(full) as watch:
        await asked.wait()

    assert await watch.readiness() == "the providers are being asked"


async def wants_patience(_: web.Request, __: Handler) -> web.StreamResponse:
    return web.Response(status=429, headers={"Retry-After": str(PATIENCE)})


@pytest.mark.requirement("MF-3", "NR-1")
async def test_a_provider_that_wants_fewer_calls_is_there_and_is_left_alone_until_it_said(
    pinata: Pinata, network: Network
) -> None:
    clock = Clock()
    alone = guarded((pinata,), clock=clock)
    network.faults["pinata"] = wants_patience

    assert [await fault_of(*alone) for _ in range(3)] == [None] * 3
    assert len(network.calls) == 1

    clock.seconds += PATIENCE
    network.fail("pinata", "broken")
    assert "503" in str(await fault_of(*alone))


@pytest.mark.requirement("MF-3", "NR-1")
async def test_who_is_to_be_asked_later_is_not_said_to_have_given_no_answer(
    pinata: Pinata, network: Network
) -> None:
    async def closed(_: web.Request, __: Handler) -> web.StreamResponse:
        return web.Response(status=503, headers={"Retry-After": "3600"})

    network.faults["pinata"] = closed

    assert "HTTP 503" in str(await fault_of(*guarded((pinata,))))


@pytest.mark.requirement("MF-3", "NR-1")
async def test_uploads_heed_what_a_look_was_told(pinata: Pinata, network: Network) -> None:
    network.faults["pinata"] = wants_patience
    [provider] = guarded((pinata,), clock=Clock())
    assert await fault_of(provider) is None
    asked = len(network.calls)

    with pytest.raises(AllUnavailable) as put_off:
        await provider.holds(CONTENT.cid)

    assert put_off.value.retry_after == PATIENCE
    assert len(network.calls) == asked


@pytest.mark.requirement("MF-3")
async def test_who_does_not_answer_in_time_is_not_well_and_holds_up_no_other_ones_verdict(
    pinning: Pinning, network: Network
) -> None:
    async def silent(_: web.Request, __: Handler) -> web.StreamResponse:
        await asyncio.Event().wait()
        return web.Response()

    network.faults["pinata"] = silent
    assert await fault_of(*pinning.providers, deadline=0.2) is None, "kubo is well"

    network.fail("kubo", "locked")
    fault = str(await fault_of(*pinning.providers, deadline=0.2))

    assert "pinata: no answer within 0.2 s" in fault
    assert "401" in fault


@pytest.mark.requirement("MF-3")
async def test_a_provider_that_fails_is_tried_as_often_as_the_policy_says(
    pinata: Pinata, network: Network
) -> None:
    network.fail("pinata", "broken")

    assert "503" in str(await fault_of(*guarded((pinata,))))
    assert len(network.calls) == AT_ONCE.attempts

    network.calls.clear()
    network.fail_once("pinata", "/data/testAuthentication", "broken")
    assert await fault_of(*guarded((pinata,))) is None

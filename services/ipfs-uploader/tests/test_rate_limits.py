"""A provider that says when it may be asked again is not asked before."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import httpx
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from ipfs_uploader.assets import Content
from ipfs_uploader.guarded import guarded
from ipfs_uploader.kubo import Kubo
from ipfs_uploader.pinata import Pinata, PinataAccount
from ipfs_uploader.pinning import Pinning
from mint_content.gateway import GatewayPool
from mint_content.unixfs import cid_of
from mint_resilience.backoff import Backoff
from mint_resilience.failures import AllUnavailable, RateLimited, Transient

if TYPE_CHECKING:
    from conftest import Network

CONTENT = Content("m-1.json", "application/json", b"{}", cid_of(b"{}"))
OTHER = Content("m-2.json", "application/json", b"{ }", cid_of(b"{ }"))
ONCE = Backoff(attempts=1, base=0.0, rate_limited_attempts=1)
WINDOW = 30


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    seconds: float

    def __call__(self) -> float:
        return self.seconds


Fault = Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]


def used_up(reset: float) -> Fault:
    """Every request is answered, and said to have been the window's last."""

    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        response.headers.update({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": f"{reset:.0f}"})
        return response

    return answer


async def too_many(_: web.Request, __: Handler) -> web.StreamResponse:
    return web.Response(status=429, headers={"Retry-After": str(WINDOW)})


def asked(network: Network, endpoint: str) -> int:
    return sum(call.startswith(endpoint) for call in network.calls)


@pytest.mark.requirement("IP-1", "NR-1")
@pytest.mark.parametrize("counted_from", ["now", "1970"])
async def test_when_the_window_is_used_up_the_account_is_asked_again_only_after_its_reset(
    network: Network, account: PinataAccount, counted_from: str
) -> None:
    now = Clock(time.time())
    network.faults["pinata"] = used_up(WINDOW if counted_from == "now" else now() + WINDOW)
    pinata = Pinata(replace(account, now=now))
    await pinata.holds(CONTENT.cid)

    with pytest.raises(RateLimited, match="rate limit is used up") as refused:
        await pinata.holds(CONTENT.cid)

    assert refused.value.retry_after == pytest.approx(WINDOW, abs=1)
    assert asked(network, "pinata") == 1
    now.seconds += WINDOW + 1
    await pinata.holds(CONTENT.cid)
    assert asked(network, "pinata") == 2


@pytest.fixture
def clock() -> Clock:
    return Clock(1000.0)


@pytest.mark.requirement("NR-1", "NR-3")
async def test_a_provider_that_asked_for_patience_is_left_alone_for_as_long_as_it_said(
    network: Network, http: httpx.AsyncClient, pinata: Pinata, kubo: Kubo, clock: Clock
) -> None:
    gateways = GatewayPool(http, network.endpoints.gateways)
    pinning = Pinning(guarded((pinata, kubo), clock=clock), gateways, ONCE)
    network.faults["pinata"] = too_many
    assert (await pinning.pin(CONTENT)).providers == ("kubo",)
    del network.faults["pinata"]
    before = asked(network, "pinata")

    assert (await pinning.pin(OTHER)).providers == ("kubo",)
    assert asked(network, "pinata") == before

    clock.seconds += WINDOW
    assert (await pinning.pin(OTHER)).providers == ("pinata",)


@pytest.mark.requirement("NR-1", "NR-3")
async def test_without_a_backup_work_waits_as_long_as_the_provider_said_and_is_not_spent(
    network: Network, http: httpx.AsyncClient, pinata: Pinata, clock: Clock
) -> None:
    gateways = GatewayPool(http, network.endpoints.gateways)
    alone = Pinning(guarded((pinata,), clock=clock), gateways, ONCE)
    network.faults["pinata"] = too_many
    with pytest.raises(Transient):
        await alone.pin(CONTENT)
    before = asked(network, "pinata")

    with pytest.raises(AllUnavailable) as put_off:
        await alone.pin(CONTENT)

    assert put_off.value.retry_after == pytest.approx(WINDOW)
    assert asked(network, "pinata") == before

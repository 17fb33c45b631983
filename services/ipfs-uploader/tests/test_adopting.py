"""A provider that is told a CID looks for the content: it is asked once, until it gives up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from ipfs_uploader.assets import Content
from ipfs_uploader.guarded import guarded
from ipfs_uploader.kubo import Kubo
from ipfs_uploader.pinata import GIVEN_UP, Pinata
from ipfs_uploader.pinata_v2 import PinataV2
from ipfs_uploader.pinning import Pinning
from ipfs_uploader.pinning_service import PinningService
from ipfs_uploader.provider import Provider
from ipfs_uploader.repinning import Repinning
from mint_content.unixfs import cid_of
from mint_events.bus import Wait
from mint_events.catalogue import AssetsPinned
from mint_resilience.backoff import Backoff
from mint_resilience.failures import Permanent, Transient

if TYPE_CHECKING:
    from conftest import Fault, Network

CONTENT = Content("m-1.json", "application/json", b"{}", cid_of(b"{}"))
CID = CONTENT.cid
ON_THE_WAY = ("prechecking", "searching", "retrieving", "backfilled")
BEGINS = {
    "pinata": "pinata POST /v3/files/public/pin_by_cid",
    "pinata-v2": "pinata POST /pinning/pinByHash",
    "psa": "psa POST /pins",
}
"""The call that begins a search."""


@pytest.fixture(params=["pinata", "pinata-v2", "psa"])
def searching(
    request: pytest.FixtureRequest, pinata: Pinata, pinata_v2: PinataV2, psa: PinningService
) -> Provider:
    """A provider that answers before it has found anything."""
    providers: dict[str, Provider] = {p.name: p for p in (pinata, pinata_v2, psa)}
    return providers[request.param]


def searches(network: Network, provider: Provider) -> int:
    return network.calls.count(BEGINS[provider.name])


def shown_as(state: str) -> Fault:
    """Every search that is under way is said to be in this state."""

    async def changed(request: web.Request, handler: Handler) -> web.StreamResponse:
        answer = await handler(request)
        if request.method == "GET" and isinstance(answer, web.Response):
            told = answer.text or ""
            for word in ("searching", "pinning"):
                told = told.replace(f'"status": "{word}"', f'"status": "{state}"')
            return web.json_response(text=told)
        return answer

    return changed


@pytest.mark.requirement("IP-1")
async def test_what_another_provider_has_is_found_and_held(searching: Provider, kubo: Kubo) -> None:
    await kubo.keep(CONTENT)

    await searching.adopt(CID, "n")

    assert await searching.holds(CID)


async def test_a_search_that_is_under_way_is_not_begun_again(
    searching: Provider, network: Network, kubo: Kubo
) -> None:
    for _ in range(3):
        await searching.adopt(CID, "n")
    assert searches(network, searching) == 1
    assert not await searching.holds(CID)

    await kubo.keep(CONTENT)

    assert await searching.holds(CID)


@pytest.mark.parametrize("state", ON_THE_WAY)
async def test_pinata_is_left_to_search_in_every_state_on_the_way(
    pinata: Pinata, pinata_v2: PinataV2, network: Network, state: str
) -> None:
    await pinata.adopt(CID, "n")
    network.faults["pinata"] = shown_as(state)

    for provider in (pinata, pinata_v2):
        await provider.adopt(CID, "n")

    assert searches(network, pinata) + searches(network, pinata_v2) == 1


@pytest.mark.parametrize("state", sorted(GIVEN_UP))
async def test_pinata_giving_up_is_final_and_told_and_the_next_call_searches_anew(
    pinata: Pinata, network: Network, state: str
) -> None:
    await pinata.adopt(CID, "n")
    network.faults["pinata"] = shown_as(state)

    with pytest.raises(Permanent, match=f"gave up its search for {CID}: {state}"):
        await pinata.adopt(CID, "n")
    await pinata.adopt(CID, "n")

    assert searches(network, pinata) == 2


async def test_the_older_api_giving_up_is_final_and_a_new_search_is_begun(
    pinata_v2: PinataV2, network: Network
) -> None:
    await pinata_v2.adopt(CID, "n")
    network.faults["pinata"] = shown_as("expired")

    with pytest.raises(Permanent, match="gave up its search"):
        await pinata_v2.adopt(CID, "n")

    assert searches(network, pinata_v2) == 2


async def test_a_pinning_service_that_failed_is_final_and_the_next_call_asks_anew(
    psa: PinningService, network: Network
) -> None:
    await psa.adopt(CID, "n")
    network.faults["psa"] = shown_as("failed")

    with pytest.raises(Permanent, match=f"could not pin {CID}"):
        await psa.adopt(CID, "n")
    await psa.adopt(CID, "n")

    assert searches(network, psa) == 2


async def test_a_pinning_service_is_given_no_bytes_so_it_says_that_it_still_looks(
    psa: PinningService,
) -> None:
    with pytest.raises(Transient, match=f"still looking for {CID}"):
        await psa.keep(CONTENT)


async def test_unpinning_ends_the_search(searching: Provider, kubo: Kubo) -> None:
    if isinstance(searching, PinataV2):
        pytest.skip("the older API has no call that ends a search")
    await searching.adopt(CID, "n")

    await searching.unpin(CID)
    await kubo.keep(CONTENT)

    assert not await searching.holds(CID)


@pytest.fixture
def two_holders(pinning: Pinning, psa: PinningService, pinata: Pinata) -> Pinning:
    """A pinning service before Pinata, both to hold everything."""
    return Pinning(
        guarded((psa, pinata)), pinning.gateways, Backoff(attempts=2, base=0.0), replicas=2
    )


@pytest.mark.requirement("IP-1", "IP-3")
async def test_who_takes_no_bytes_is_asked_when_another_one_has_them(
    two_holders: Pinning, psa: PinningService
) -> None:
    asset = await two_holders.pin(CONTENT)

    assert asset.providers == ("psa", "pinata")
    assert await psa.holds(CID)


@pytest.mark.requirement("IP-3")
async def test_what_the_service_was_away_for_it_is_asked_for_later(
    two_holders: Pinning, network: Network, psa: PinningService
) -> None:
    network.fail("psa", "broken")
    asset = await two_holders.pin(CONTENT)
    assert asset.providers == ("pinata",)
    network.faults.clear()
    repinning = Repinning(two_holders, (Wait(60),))
    due = repinning.due_after(
        AssetsPinned(mint_id="m-1", image=asset, metadata=asset, metadata_json=b"{}")
    )
    assert due is not None

    result = await repinning.work(due)

    assert result.repinned is not None
    assert result.repinned.image.providers == ("psa", "pinata")
    assert await psa.holds(CID)

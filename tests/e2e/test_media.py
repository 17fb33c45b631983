"""Images and animations, from the request to what a wallet reads."""

from __future__ import annotations

import json
from dataclasses import replace

import httpx
import pytest
from support.orders import order, video
from support.upstream import Upstream

from mint_content.unixfs import cid_of
from mint_events.catalogue import MintCompleted, MintRejected
from mint_sandbox.tenant import Tenant
from trimint.fleet import Fleet

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>'


@pytest.mark.requirement("MF-4", "VE-1", "VE-2")
async def test_an_animation_goes_all_the_way_to_the_metadata_that_wallets_read(
    fleet: Fleet, shop: Upstream, tenant: Tenant, unique_name: str
) -> None:
    request = replace(order(unique_name), animation=video(1))

    await shop.request(request)
    completed = await shop.first(MintCompleted, mint_id=request.mint_id)

    document = json.loads(await _served(tenant, completed.metadata_cid))
    animation = f"ipfs://{cid_of(video(1))}"
    assert document["animation_url"] == animation
    assert document["properties"]["category"] == "video"
    assert {"uri": animation, "type": "video/mp4"} in document["properties"]["files"]
    assert await _served(tenant, str(cid_of(video(1)))) == video(1)


@pytest.mark.requirement("MF-2")
async def test_a_video_sent_as_the_image_is_rejected_with_what_to_send_instead(
    fleet: Fleet, shop: Upstream, unique_name: str
) -> None:
    request = replace(order(unique_name), image=video(1))

    await shop.request(request)
    rejected = await shop.first(MintRejected, mint_id=request.mint_id)

    assert rejected.field == "image"
    assert "send that as the animation, and a still image" in rejected.detail


@pytest.mark.requirement("MF-2")
async def test_an_svg_is_rejected_with_the_setting_that_would_allow_it(
    fleet: Fleet, shop: Upstream, unique_name: str
) -> None:
    await shop.request(request := replace(order(unique_name), image=SVG))
    rejected = await shop.first(MintRejected, mint_id=request.mint_id)

    assert rejected.field == "image"
    assert "TRIMINT_IMAGE_SVG=true" in rejected.detail


@pytest.mark.requirement("MF-2")
@pytest.mark.parametrize("settings", [{"TRIMINT_IMAGE_SVG": "true"}])
async def test_an_svg_is_minted_where_that_setting_allows_it(
    fleet: Fleet, shop: Upstream, tenant: Tenant, unique_name: str
) -> None:
    await shop.request(request := replace(order(unique_name), image=SVG))
    completed = await shop.first(MintCompleted, mint_id=request.mint_id)

    document = json.loads(await _served(tenant, completed.metadata_cid))
    assert document["image"] == f"ipfs://{cid_of(SVG)}"
    assert document["properties"]["files"][0]["type"] == "image/svg+xml"


async def _served(tenant: Tenant, cid: str) -> bytes:
    """Content as a wallet gets it: from a public gateway, by its CID."""
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{tenant.servers.ipfs.gateways[0]}/ipfs/{cid}")
    answer.raise_for_status()
    return answer.content

"""Metaplex's own client reads an NFT that Trimint has minted, without knowing of Trimint."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from support.orders import order, video
from support.upstream import Upstream

from mint_events.catalogue import MintCompleted
from mint_sandbox.tenant import Tenant
from trimint.fleet import Fleet


@pytest.mark.requirement("CH-9")
async def test_umi_reads_back_what_was_ordered(
    fleet: Fleet,
    shop: Upstream,
    tenant: Tenant,
    script: Callable[..., Awaitable[Any]],
    unique_name: str,
) -> None:
    request = order(unique_name)

    await shop.request(request)
    completed = await shop.first(MintCompleted, mint_id=request.mint_id)
    read = await script("read.mjs", tenant.servers.solana.rpc_url, completed.mint_address)

    assert read == {
        "name": request.name,
        "symbol": request.symbol,
        "uri": f"ipfs://{completed.metadata_cid}",
        "sellerFeeBasisPoints": request.seller_fee_basis_points,
        "updateAuthority": tenant.authority,
        "isMutable": True,
        "supply": 1,
        "decimals": 0,
        "hasEdition": True,
        "collection": None,
    }


@pytest.mark.requirement("CH-9", "MF-4")
async def test_umi_finds_the_animation_that_was_ordered(
    fleet: Fleet,
    shop: Upstream,
    tenant: Tenant,
    script: Callable[..., Awaitable[Any]],
    unique_name: str,
) -> None:
    request = replace(order(unique_name), animation=video(1))
    servers = tenant.servers

    await shop.request(request)
    completed = await shop.first(MintCompleted, mint_id=request.mint_id)
    read = await script(
        "document.mjs", servers.solana.rpc_url, completed.mint_address, servers.ipfs.gateways[0]
    )

    assert read["document"]["properties"]["category"] == "video"
    assert [file["type"] for file in read["document"]["properties"]["files"]] == [
        "image/png",
        "video/mp4",
    ]
    assert bytes.fromhex(read["animation"]) == video(1)

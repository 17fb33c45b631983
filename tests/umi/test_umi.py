"""Metaplex's own client works on the sandbox unchanged: what it mints there, it reads there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mint_sandbox.solana import Running


@pytest.mark.requirement("CH-9")
async def test_umi_mints_an_nft_on_the_sandbox_and_reads_it_back(
    chain: Running, script: Callable[..., Awaitable[Any]]
) -> None:
    minted = await script("mint.mjs", chain.rpc, "Sword of Dawn", "https://example.com/1.json")

    read = await script("read.mjs", chain.rpc, minted["mint"])

    assert read == {
        "name": "Sword of Dawn",
        "symbol": "UMI",
        "uri": "https://example.com/1.json",
        "sellerFeeBasisPoints": 550,
        "updateAuthority": minted["updateAuthority"],
        "isMutable": True,
        "supply": 1,
        "decimals": 0,
        "hasEdition": True,
        "collection": None,
    }


async def test_umi_verifies_searches_simulates_and_explains_refusals_on_the_sandbox(
    chain: Running, script: Callable[..., Awaitable[Any]]
) -> None:
    seen = await script("collection.mjs", chain.rpc)

    assert seen == {
        "byUpdateAuthority": ["Collection", "Member"],
        "byOwner": ["Collection", "Member"],
        "memberOf": {"verified": True, "key": seen["collection"]},
        "collection": seen["collection"],
        "refusal": "ExpectedUninitializedAccount",
        "simulationError": None,
        "feeOfTwoSigners": 10_000,
    }

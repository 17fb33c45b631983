"""The uploader's provider for Kubo, on a real node; and a real node as the backup of Pinata."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from random import Random
from uuid import uuid4

import httpx
import pytest

from ipfs_uploader.assets import Content
from ipfs_uploader.guarded import guarded
from ipfs_uploader.kubo import Kubo
from ipfs_uploader.pinning import Pinning
from mint_content.gateway import GatewayPool
from mint_content.unixfs import CHUNK_SIZE, cid_of
from mint_resilience.backoff import Backoff
from mint_sandbox.ipfs.kubo_node import KuboNode

pytestmark = pytest.mark.timeout(1800)  # the first use builds Kubo

IMPATIENT = Backoff(attempts=2, base=0.0)


def content(size: int) -> Content:
    """Content that nobody has seen before."""
    data = Random(uuid4().int).randbytes(size)
    return Content("m-1.png", "image/png", data, cid_of(data))


@pytest.fixture
def provider(node: KuboNode, http: httpx.AsyncClient) -> Kubo:
    return Kubo(http, rpc_url=node.rpc_url)


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.mark.requirement("IP-1", "IP-2")
@pytest.mark.parametrize("size", [1, CHUNK_SIZE, 3 * CHUNK_SIZE + 1])
async def test_content_is_kept_once_however_often_it_is_given_and_then_let_go(
    provider: Kubo, size: int
) -> None:
    given = content(size)
    assert not await provider.holds(given.cid)

    await provider.keep(given)
    await provider.keep(given)
    assert await provider.holds(given.cid)

    await provider.unpin(given.cid)
    await provider.unpin(given.cid)
    assert not await provider.holds(given.cid)


@pytest.mark.requirement("IP-1")
async def test_one_node_adopts_what_another_has(
    provider: Kubo, gateway: KuboNode, http: httpx.AsyncClient
) -> None:
    given, other = content(CHUNK_SIZE + 1), Kubo(http, rpc_url=gateway.rpc_url)
    await provider.keep(given)

    await other.adopt(given.cid, given.name)

    assert await other.holds(given.cid)


async def test_a_node_says_how_full_it_is(provider: Kubo) -> None:
    before = await provider.check()

    await provider.keep(content(CHUNK_SIZE))

    after = await provider.check()
    assert before.used is not None
    assert after.used is not None
    assert after.used >= before.used + CHUNK_SIZE
    assert not after.full


@pytest.mark.requirement("IP-3", "MF-4")
async def test_while_the_primary_is_down_a_node_keeps_the_content_and_another_serves_it(
    provider: Kubo, gateway: KuboNode, nobody: str, http: httpx.AsyncClient
) -> None:
    given = content(3 * CHUNK_SIZE)
    primary = Kubo(http, rpc_url=nobody, name="primary")
    pinning = Pinning(
        guarded((primary, provider)), GatewayPool(http, [gateway.gateway_url]), IMPATIENT
    )

    asset = await pinning.pin(given)

    assert asset.providers == ("kubo",)
    assert await pinning.fetch(given.cid) == given.data

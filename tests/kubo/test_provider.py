"""The uploader's provider for Kubo, on a real node; and a real node as the backup of Pinata."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from random import Random
from uuid import uuid4

import httpx
import pytest

from ipfs_uploader.assets import Content
from ipfs_uploader.batches import Kept
from ipfs_uploader.folder import Folder, folder_of
from ipfs_uploader.guarded import guarded
from ipfs_uploader.kubo import Kubo
from ipfs_uploader.pinning import Pinning
from ipfs_uploader.together import Together
from mint_content.gateway import GatewayPool
from mint_content.unixfs import CHUNK_SIZE, cid_of
from mint_events.catalogue import FolderBegun
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


@pytest.mark.requirement("IP-1", "IP-2")
async def test_a_folder_is_kept_by_its_root_and_each_content_is_served_by_its_own_name(
    provider: Kubo, gateway: KuboNode, http: httpx.AsyncClient
) -> None:
    contents = [content(size) for size in (1, 1000, 3 * CHUNK_SIZE + 1)]
    folder, gateways = folder_of(contents), GatewayPool(http, [gateway.gateway_url])
    await provider.keep(folder)
    await provider.keep(folder)
    assert await provider.holds(folder.cid)

    for each in contents:
        assert not await provider.holds(each.cid)
        assert (await gateways.fetch(each.cid)).data == each.data
        await provider.unpin(each.cid)  # it has no pin of its own: nothing happens
    assert await provider.holds(folder.cid)

    await provider.unpin(folder.cid)
    await provider.unpin(folder.cid)
    assert not await provider.holds(folder.cid)


@pytest.mark.requirement("IP-2", "RE-1")
async def test_contents_of_several_mints_cost_one_upload_and_none_when_they_come_again(
    provider: Kubo, gateway: KuboNode, http: httpx.AsyncClient
) -> None:
    pinning = Pinning(guarded((provider,)), GatewayPool(http, [gateway.gateway_url]), IMPATIENT)
    together = Together(pinning=pinning, records=Records())
    contents = [content(size) for size in (10, 1000, CHUNK_SIZE + 1)]

    first = await together.keep_all(contents)
    again = await together.keep_all(contents[1:])

    root = folder_of(contents).cid
    assert first == {each.cid: Kept(("kubo",), root) for each in contents}
    assert again == {each.cid: first[each.cid] for each in contents[1:]}
    for each in contents:
        await pinning.retrieve(each.cid)


class Records:
    """Folder records of one process."""

    def __init__(self) -> None:
        self._begun: list[FolderBegun] = []

    async def begin(self, folder: Folder) -> None:
        cids = tuple(str(each.cid) for each in folder.contents)
        self._begun.append(FolderBegun(mint_id=str(folder.cid), cids=cids))

    async def recent(self) -> list[FolderBegun]:
        return self._begun


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

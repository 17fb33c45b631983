"""Content comes back from a real gateway in every format, as `mint_content` asks for it."""

from __future__ import annotations

from random import Random

import httpx
import pytest

from mint_content.car import MEDIA_TYPE
from mint_content.cid import Cid
from mint_content.download import Download
from mint_content.gateway import GatewayPool, NotRetrieved
from mint_content.unixfs import CHUNK_SIZE, MAX_LINKS, cid_of
from mint_resilience.failures import Failure, Permanent
from mint_sandbox.ipfs.kubo_node import KuboNode

pytestmark = pytest.mark.timeout(1800)  # the first use builds Kubo

DOCUMENT = b'{"name": "Dragon"}'
IMAGE = Random(1).randbytes(3 * CHUNK_SIZE + 1)
REPEATED = bytes(MAX_LINKS * CHUNK_SIZE + 1)
"""A tree of three levels, with few blocks in many places."""
LIMIT = 2 * len(REPEATED)


async def added(
    http: httpx.AsyncClient, node: KuboNode, data: bytes, options: str = "cid-version=1"
) -> Cid:
    call = f"{node.rpc_url}/api/v0/add?{options}"
    answer = await http.post(call, files={"file": data})
    return Cid.parse(answer.raise_for_status().json()["Hash"])


def download(http: httpx.AsyncClient, gateway: KuboNode, *, trustless: bool = True) -> Download:
    return Download(http, gateway.gateway_url, 30.0, LIMIT, trustless)


@pytest.mark.requirement("IP-4", "VE-2")
@pytest.mark.parametrize("trustless", [True, False])
@pytest.mark.parametrize(
    "options", ["cid-version=1", "cid-version=1&chunker=size-100000", "cid-version=0"]
)
@pytest.mark.parametrize("data", [DOCUMENT, IMAGE], ids=["document", "image"])
async def test_what_one_node_holds_comes_back_through_another(
    http: httpx.AsyncClient,
    node: KuboNode,
    gateway: KuboNode,
    data: bytes,
    options: str,
    trustless: bool,
) -> None:
    cid = await added(http, node, data, options)

    assert await download(http, gateway, trustless=trustless).file(cid) == data


@pytest.mark.requirement("IP-4")
async def test_a_tree_in_which_blocks_repeat_comes_back_as_one_small_archive(
    http: httpx.AsyncClient, node: KuboNode
) -> None:
    cid = await added(http, node, REPEATED)

    archive = await http.get(f"{node.gateway_url}/ipfs/{cid}?format=car")

    assert archive.headers["content-type"].startswith(MEDIA_TYPE)
    assert len(archive.content) < len(REPEATED) / 10
    assert await download(http, node).file(cid) == REPEATED


async def test_an_empty_file_comes_back(http: httpx.AsyncClient, node: KuboNode) -> None:
    # From the node itself: an empty block is not handed from node to node.
    assert await download(http, node).file(await added(http, node, b"")) == b""


async def test_a_folder_is_found_and_is_no_file(http: httpx.AsyncClient, node: KuboNode) -> None:
    call = f"{node.rpc_url}/api/v0/add?cid-version=1&wrap-with-directory=true"
    lines = (await http.post(call, files={"file": ("1.json", DOCUMENT)})).text.splitlines()
    folder = Cid.parse(httpx.Response(200, text=lines[-1]).json()["Hash"])

    with pytest.raises(Permanent, match="not a file"):
        await download(http, node).file(folder)


@pytest.mark.requirement("IP-4")
async def test_a_node_that_does_not_find_content_does_not_deny_it(
    http: httpx.AsyncClient, node: KuboNode
) -> None:
    nowhere = cid_of(b"nobody has this")
    pool = GatewayPool(http, [node.gateway_url], time_limit=1.0)

    with pytest.raises(NotRetrieved) as raised:
        await pool.fetch(nowhere)

    assert isinstance(raised.value.outcomes[0].failure, Failure)
    assert raised.value.final is False

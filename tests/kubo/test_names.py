"""Our names are the names that Kubo gives to the same bytes (IP-2)."""

from __future__ import annotations

import json
from random import Random

import httpx
import pytest

from mint_content.car import MEDIA_TYPE, write_car
from mint_content.cid import Cid
from mint_content.dagpb import Entry
from mint_content.unixfs import (
    CHUNK_SIZE,
    MAX_LINKS,
    FileHasher,
    Layout,
    blocks_of,
    cid_of,
    folder_block,
)
from mint_sandbox.ipfs.kubo_node import KuboNode

pytestmark = pytest.mark.timeout(1800)  # the first use builds Kubo

SIZES = (
    0,
    1,
    CHUNK_SIZE - 1,
    CHUNK_SIZE,
    CHUNK_SIZE + 1,
    10 * 1024**2,
    MAX_LINKS * CHUNK_SIZE,
    MAX_LINKS * CHUNK_SIZE + 1,
)
OPTIONS = {
    Layout.V1_RAW_LEAVES: "cid-version=1",
    Layout.V0_WRAPPED_LEAVES: "cid-version=0",
}


def content(size: int) -> bytes:
    return Random(size).randbytes(size)


@pytest.mark.requirement("IP-2")
@pytest.mark.parametrize("layout", list(Layout), ids=lambda layout: layout.name)
@pytest.mark.parametrize("size", SIZES)
async def test_our_cid_of_a_file_is_kubo_s(
    node: KuboNode, http: httpx.AsyncClient, size: int, layout: Layout
) -> None:
    call = f"{node.rpc_url}/api/v0/add?only-hash=true&{OPTIONS[layout]}"

    answer = await http.post(call, files={"file": content(size)})

    assert answer.json()["Hash"] == str(cid_of(content(size), layout))


@pytest.mark.requirement("IP-2")
async def test_our_cid_of_a_folder_is_kubo_s(node: KuboNode, http: httpx.AsyncClient) -> None:
    files = {"b.json": b"{}", "a.png": content(3 * CHUNK_SIZE + 1), "Z": b""}
    call = f"{node.rpc_url}/api/v0/add?only-hash=true&cid-version=1&wrap-with-directory=true"

    answer = await http.post(call, files=[("file", (name, data)) for name, data in files.items()])

    entries = (Entry(name, cid_of(data), dag_size(data)) for name, data in files.items())
    folder = json.loads(answer.text.splitlines()[-1])
    assert folder["Hash"] == str(folder_block(entries).cid)


def dag_size(data: bytes) -> int:
    return sum(len(block.data) for block in blocks_of(data))


@pytest.mark.requirement("IP-2")
@pytest.mark.parametrize("chunk_size", [CHUNK_SIZE, 1000])
async def test_an_archive_of_ours_is_imported_under_its_root_and_read_back_whole(
    node: KuboNode, http: httpx.AsyncClient, chunk_size: int
) -> None:
    data = content(CHUNK_SIZE * 2 + chunk_size)
    root, archive = archived(data, chunk_size)

    imported = await http.post(
        f"{node.rpc_url}/api/v0/dag/import?stats=false",
        files={"file": ("1.car", archive, MEDIA_TYPE)},
    )
    read = await http.post(f"{node.rpc_url}/api/v0/cat?arg={root}")

    assert imported.json()["Root"] == {"Cid": {"/": str(root)}, "PinErrorMsg": ""}
    assert read.content == data


def archived(data: bytes, chunk_size: int) -> tuple[Cid, bytes]:
    if chunk_size == CHUNK_SIZE:
        blocks = list(blocks_of(data))
    else:
        blocks = []
        hasher = FileHasher(sink=blocks.append, chunk_size=chunk_size)
        hasher.update(data)
        hasher.finish()
    return blocks[-1].cid, write_car([blocks[-1].cid], blocks)

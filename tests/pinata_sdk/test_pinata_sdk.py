"""Pinata's own client works on the sandbox unchanged, as it does on Pinata."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest
from support.pinata import Sdk

from mint_content.car import write_car
from mint_content.cid import Cid
from mint_content.unixfs import Block, FileHasher, cid_of

TEXT = "a dragon of level three"
CID = str(cid_of(TEXT.encode()))
NOBODY_S = str(cid_of(b"nobody has this"))


def cut_by_hand(data: bytes) -> tuple[Cid, list[Block]]:
    """Blocks of 5 bytes, as no default would make them."""
    blocks: list[Block] = []
    hasher = FileHasher(sink=blocks.append, chunk_size=5)
    hasher.update(data)
    return hasher.finish().cid, blocks


async def uploaded(sdk: Sdk, name: str = "dragon.txt") -> Any:
    return await sdk.value("uploadFile", name=name, text=TEXT, keyvalues={"mint": "m-1"})


@pytest.mark.requirement("IP-1")
async def test_a_token_is_accepted_or_refused(sdk: Sdk) -> None:
    stranger = replace(sdk, jwt="not-the-token")

    assert "Congratulations" in (await sdk.value("authenticate"))["message"]
    for operation in ("authenticate", "queue"):
        assert await stranger.refusal(operation) == ("AuthenticationError", 401)


@pytest.mark.requirement("IP-1", "IP-2")
async def test_an_uploaded_file_has_our_cid_and_is_a_duplicate_the_second_time(sdk: Sdk) -> None:
    first, second = await uploaded(sdk), await uploaded(sdk)

    assert (first["cid"], first["size"], first["mime_type"]) == (CID, len(TEXT), "text/plain")
    assert (first["name"], first["keyvalues"]) == ("dragon.txt", {"mint": "m-1"})
    assert (first["is_duplicate"], second["is_duplicate"]) == (False, True)
    assert second["id"] == first["id"]


@pytest.mark.requirement("IP-2")
async def test_json_and_archives_have_our_cids(sdk: Sdk) -> None:
    root, blocks = cut_by_hand(TEXT.encode())
    archive = b64encode(write_car([root], blocks)).decode()

    document = await sdk.value("uploadJson", name="1.json", document={"name": "Dragon"})
    unpacked = await sdk.value("uploadCar", base64=archive)

    assert document["cid"] == str(cid_of(b'{"name":"Dragon"}'))
    assert (unpacked["cid"], unpacked["size"]) == (str(root), len(TEXT))


async def test_files_are_listed_by_cid_and_page_by_page(sdk: Sdk) -> None:
    file = await uploaded(sdk)
    await sdk.value("uploadJson", name="1.json", document={"name": "Dragon"})

    listed = await sdk.value("list", cid=CID, limit=5)

    assert [one["id"] for one in listed["files"]] == [file["id"]]
    assert await sdk.value("listAll", pageSize=1) == ["1.json", "dragon.txt"]


async def test_a_file_is_renamed_and_then_deleted(sdk: Sdk) -> None:
    file = await uploaded(sdk)

    await sdk.value("update", id=file["id"], name="wyvern.txt", keyvalues={"mint": "m-2"})
    changed = await sdk.value("get", id=file["id"])
    assert (changed["name"], changed["keyvalues"]) == ("wyvern.txt", {"mint": "m-2"})
    assert changed["cid"] == CID

    assert await sdk.value("delete", id=file["id"]) == [{"id": file["id"], "status": "OK"}]
    assert await sdk.refusal("get", id=file["id"]) == ("NetworkError", 404)


async def test_content_pinned_by_cid_waits_in_the_queue_until_it_is_cancelled(sdk: Sdk) -> None:
    job = await sdk.value("pinByCid", cid=NOBODY_S, name="lost")
    assert (job["cid"], job["name"], job["status"]) == (NOBODY_S, "lost", "prechecking")

    queue = (await sdk.value("queue"))["jobs"]
    assert [(one["id"], one["status"]) for one in queue] == [(job["id"], "searching")]

    await sdk.value("cancel", id=job["id"])
    assert (await sdk.value("queue"))["jobs"] == []


async def test_usage_counts_files_and_their_bytes(sdk: Sdk) -> None:
    await uploaded(sdk)

    assert await sdk.value("usage") == {"files": 1, "bytes": len(TEXT)}

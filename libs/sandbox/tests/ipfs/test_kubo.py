"""Kubo's RPC, as its reference describes it."""

import random

import httpx
import pytest

from mint_content.cid import Cid
from mint_content.unixfs import Layout, cid_of
from mint_sandbox.ipfs.server import IpfsEndpoints

ABSENT = "bafkreibruh455iawsviqslif5c7uurdcfdemh22mtnytyzvnzn75kpejxy"


async def add(kubo: httpx.AsyncClient, content: bytes, **query: str) -> dict[str, str]:
    response = await kubo.post("/add", params=query, files={"file": ("dragon.png", content)})
    assert response.status_code == 200, response.text
    line: dict[str, str] = response.json()
    return line


@pytest.mark.requirement("IP-1", "IP-2")
@pytest.mark.parametrize("length", [0, 1, 262_145, 11 * 1024 * 1024])
async def test_an_added_file_has_its_cid_and_can_be_read(
    kubo: httpx.AsyncClient, length: int
) -> None:
    content = random.Random(length).randbytes(length)

    line = await add(kubo, content, **{"cid-version": "1"})

    assert line["Hash"] == str(cid_of(content))
    assert line["Name"] == "dragon.png"
    assert int(line["Size"]) >= length
    assert (await kubo.post("/cat", params={"arg": line["Hash"]})).content == content


async def test_without_a_version_the_cid_is_of_version_0(kubo: httpx.AsyncClient) -> None:
    line = await add(kubo, b"dragon")

    assert line["Hash"] == str(cid_of(b"dragon", Layout.V0_WRAPPED_LEAVES))
    assert (await kubo.post("/cat", params={"arg": line["Hash"]})).content == b"dragon"


async def test_added_content_is_pinned_unless_told_otherwise(kubo: httpx.AsyncClient) -> None:
    pinned = await add(kubo, b"pinned", **{"cid-version": "1"})
    loose = await add(kubo, b"loose", **{"cid-version": "1", "pin": "false"})

    listed = (await kubo.post("/pin/ls")).json()["Keys"]
    assert listed == {pinned["Hash"]: {"Type": "recursive", "Name": ""}}
    assert (await kubo.post("/pin/add", params={"arg": loose["Hash"]})).json() == {
        "Pins": [loose["Hash"]]
    }
    assert (await kubo.post("/pin/ls", params={"arg": loose["Hash"]})).status_code == 200


@pytest.mark.parametrize(
    ("path", "message"), [("/pin/ls", "is not pinned"), ("/pin/rm", "not pinned or pinned")]
)
async def test_not_pinned_is_status_500_with_a_message(
    kubo: httpx.AsyncClient, path: str, message: str
) -> None:
    response = await kubo.post(path, params={"arg": ABSENT})

    assert response.status_code == 500
    assert message in response.json()["Message"]
    assert response.json()["Type"] == "error"


async def test_unpinned_content_is_dropped(kubo: httpx.AsyncClient) -> None:
    cid = (await add(kubo, b"dragon" * 100_000, **{"cid-version": "1"}))["Hash"]

    assert (await kubo.post("/pin/rm", params={"arg": cid})).json() == {"Pins": [cid]}

    assert (await kubo.post("/cat", params={"arg": cid})).status_code == 500
    assert (await kubo.post("/repo/stat")).json()["NumObjects"] == 0


async def test_blocks_that_another_pin_keeps_stay(kubo: httpx.AsyncClient) -> None:
    short = (await add(kubo, bytes(300_000), **{"cid-version": "1"}))["Hash"]
    long = (await add(kubo, bytes(600_000), **{"cid-version": "1"}))["Hash"]

    await kubo.post("/pin/rm", params={"arg": short})

    assert (await kubo.post("/cat", params={"arg": long})).content == bytes(600_000)


async def test_content_of_another_provider_is_pinned_by_its_cid(
    kubo: httpx.AsyncClient, pinata: httpx.AsyncClient
) -> None:
    uploaded = await pinata.post(
        "/v3/files", data={"network": "public"}, files={"file": b"elsewhere"}
    )
    file = uploaded.json()["data"]

    assert (await kubo.post("/pin/add", params={"arg": file["cid"]})).status_code == 200
    await pinata.delete(f"/v3/files/public/{file['id']}")

    assert (await kubo.post("/cat", params={"arg": file["cid"]})).content == b"elsewhere"


async def test_pinning_what_is_nowhere_is_an_error(kubo: httpx.AsyncClient) -> None:
    response = await kubo.post("/pin/add", params={"arg": ABSENT})

    assert response.status_code == 500
    assert ABSENT in response.json()["Message"]


async def test_a_block_is_given_as_it_is_stored(kubo: httpx.AsyncClient) -> None:
    cid = (await add(kubo, bytes(300_000), **{"cid-version": "1"}))["Hash"]

    block = (await kubo.post("/block/get", params={"arg": cid})).content

    assert len(block) < 300
    assert Cid.parse(cid).names(block)


async def test_the_node_tells_who_it_is(kubo: httpx.AsyncClient) -> None:
    assert "Version" in (await kubo.post("/version")).json()
    assert "ID" in (await kubo.post("/id")).json()
    assert (await kubo.post("/repo/stat")).json()["RepoSize"] == 0


async def test_only_post_is_answered(http: httpx.AsyncClient, ipfs: IpfsEndpoints) -> None:
    assert (await http.get(f"{ipfs.kubo_rpc}/api/v0/version")).status_code == 405


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/cat", {}, 400),
        ("/cat", {"arg": "no-cid"}, 500),
        ("/add", {"cid-version": "1", "raw-leaves": "false"}, 500),
        ("/add", {"chunker": "rabin"}, 500),
    ],
)
async def test_what_is_not_understood_is_refused(
    kubo: httpx.AsyncClient, path: str, query: dict[str, str], status: int
) -> None:
    response = await kubo.post(path, params=query, files={"file": b"x"})

    assert response.status_code == status

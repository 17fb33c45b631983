"""The sandbox's Pinata answers the calls of its older API for the same account."""

import json

import httpx

from mint_content.unixfs import Layout, cid_of

DATA = b"an older account's file"


async def pin(pinata: httpx.AsyncClient, options: dict[str, object] | None = None) -> str:
    form = {"pinataMetadata": json.dumps({"name": "n"}), "pinataOptions": json.dumps(options or {})}
    answer = await pinata.post("/pinning/pinFileToIPFS", data=form, files={"file": DATA})
    return str(answer.raise_for_status().json()["IpfsHash"])


async def test_a_file_gets_the_name_of_the_version_that_was_asked_for(
    pinata: httpx.AsyncClient, gateway: httpx.AsyncClient
) -> None:
    assert await pin(pinata, {"cidVersion": 1}) == str(cid_of(DATA))
    assert await pin(pinata) == str(cid_of(DATA, Layout.V0_WRAPPED_LEAVES))
    assert (await gateway.get(f"/ipfs/{cid_of(DATA)}")).content == DATA


async def test_both_apis_see_one_account(pinata: httpx.AsyncClient) -> None:
    cid = await pin(pinata, {"cidVersion": 1})

    [row] = (await pinata.get("/data/pinList", params={"hashContains": cid})).json()["rows"]
    [file] = (await pinata.get("/v3/files/public", params={"cid": cid})).json()["data"]["files"]

    assert (row["id"], row["ipfs_pin_hash"], row["size"]) == (file["id"], cid, len(DATA))
    total = (await pinata.get("/data/userPinnedDataTotal")).json()
    assert (total["pin_count"], total["pin_size_total"]) == (1, len(DATA))


async def test_unpinning_is_by_cid_and_once(pinata: httpx.AsyncClient) -> None:
    cid = await pin(pinata, {"cidVersion": 1})

    assert (await pinata.delete(f"/pinning/unpin/{cid}")).text == "OK"
    assert (await pinata.delete(f"/pinning/unpin/{cid}")).status_code == 400
    assert (await pinata.get("/data/pinList", params={"hashContains": cid})).json()["rows"] == []


async def test_content_of_another_provider_is_pinned_by_its_hash(
    pinata: httpx.AsyncClient, kubo: httpx.AsyncClient
) -> None:
    cid = str(cid_of(DATA))
    await pinata.post("/pinning/pinByHash", json={"hashToPin": cid})
    [job] = (await pinata.get("/pinning/pinJobs", params={"ipfs_pin_hash": cid})).json()["rows"]
    assert job["status"] == "searching"

    await kubo.post("/add?cid-version=1", files={"file": DATA})

    assert (await pinata.get("/data/pinList", params={"hashContains": cid})).json()["count"] == 1
    assert (await pinata.get("/pinning/pinJobs")).json()["rows"] == []

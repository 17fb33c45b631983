"""Pinata's v3 Files API, as its documentation and its own client describe it."""

import json
import random
from typing import Any

import httpx
import pytest

from mint_content.cid import Cid
from mint_content.unixfs import cid_of
from mint_sandbox.ipfs.server import IpfsEndpoints, IpfsOptions, running

PUBLIC = "/v3/files/public"
ABSENT = Cid.parse("bafkreibruh455iawsviqslif5c7uurdcfdemh22mtnytyzvnzn75kpejxy")


async def upload(
    client: httpx.AsyncClient, content: bytes, network: str | None = "public", **form: str
) -> dict[str, Any]:
    fields = form | ({"network": network} if network else {})
    files = {"file": ("dragon.png", content, "image/png")}
    response = await client.post("/v3/files", data=fields, files=files)
    assert response.status_code == 200, response.text
    data: dict[str, Any] = response.json()["data"]
    return data


@pytest.mark.requirement("IP-1")
async def test_the_right_token_is_greeted(pinata: httpx.AsyncClient) -> None:
    response = await pinata.get("/data/testAuthentication")

    assert response.status_code == 200
    assert "Congratulations" in response.json()["message"]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer other"}])
async def test_a_wrong_token_is_turned_away(
    http: httpx.AsyncClient, ipfs: IpfsEndpoints, headers: dict[str, str]
) -> None:
    for method, path in [("GET", "/data/testAuthentication"), ("POST", "/v3/files")]:
        response = await http.request(method, ipfs.pinata_api + path, headers=headers)
        assert response.status_code == 401


@pytest.mark.requirement("IP-1", "IP-2")
async def test_an_upload_is_answered_with_its_cid_and_record(pinata: httpx.AsyncClient) -> None:
    data = await upload(pinata, b"dragon", name="d", keyvalues=json.dumps({"mint_id": "m-1"}))

    assert data["cid"] == str(cid_of(b"dragon"))
    assert (data["name"], data["size"], data["mime_type"]) == ("d", 6, "image/png")
    assert data["keyvalues"] == {"mint_id": "m-1"}
    assert data["is_duplicate"] is False
    assert {"id", "created_at", "number_of_files", "user_id", "group_id"} <= data.keys()


async def test_the_same_content_again_is_a_duplicate_of_the_first(
    pinata: httpx.AsyncClient,
) -> None:
    first = await upload(pinata, b"dragon")
    second = await upload(pinata, b"dragon", name="other")

    assert second["is_duplicate"] is True
    assert second["id"] == first["id"]


@pytest.mark.requirement("IP-2")
async def test_a_large_upload_is_cut_into_blocks_and_comes_back_whole(
    pinata: httpx.AsyncClient, gateway: httpx.AsyncClient
) -> None:
    content = random.Random(1).randbytes(50 * 1024 * 1024 + 1)

    data = await upload(pinata, content)

    assert data["cid"] == str(cid_of(content))
    assert data["size"] == len(content)
    assert (await gateway.get(f"/ipfs/{data['cid']}")).content == content


async def test_an_upload_is_private_unless_it_says_public(
    pinata: httpx.AsyncClient, gateway: httpx.AsyncClient
) -> None:
    data = await upload(pinata, b"secret", network=None)

    assert (await gateway.get(f"/ipfs/{data['cid']}")).status_code == 404
    assert (await pinata.get(f"/v3/files/private/{data['id']}")).status_code == 200
    assert (await pinata.get(f"{PUBLIC}/{data['id']}")).status_code == 404


async def test_a_file_is_found_by_its_cid_and_by_its_name(pinata: httpx.AsyncClient) -> None:
    wanted = await upload(pinata, b"wanted", name="w")
    await upload(pinata, b"other", name="o")

    for query in ({"cid": wanted["cid"]}, {"name": "w"}):
        answer = (await pinata.get(PUBLIC, params=query)).json()["data"]
        assert [file["id"] for file in answer["files"]] == [wanted["id"]]


async def test_pages_give_every_file_once_the_newest_first(pinata: httpx.AsyncClient) -> None:
    uploaded = [(await upload(pinata, f"file {n}".encode()))["id"] for n in range(5)]
    listed, token = [], ""

    while True:
        query = {"limit": "2"} | ({"pageToken": token} if token else {})
        page = (await pinata.get(PUBLIC, params=query)).json()["data"]
        listed += [file["id"] for file in page["files"]]
        token = page["next_page_token"]
        if not token:
            break

    assert listed == uploaded[::-1]


async def test_name_and_keyvalues_can_be_changed(pinata: httpx.AsyncClient) -> None:
    file = await upload(pinata, b"dragon", name="old")
    changes = {"name": "new", "keyvalues": {"level": "3"}}

    await pinata.put(f"{PUBLIC}/{file['id']}", json=changes)

    changed = (await pinata.get(f"{PUBLIC}/{file['id']}")).json()["data"]
    assert (changed["name"], changed["keyvalues"]) == ("new", {"level": "3"})
    assert changed["cid"] == file["cid"]


async def test_a_deleted_file_is_gone_from_account_and_gateways(
    pinata: httpx.AsyncClient, gateway: httpx.AsyncClient
) -> None:
    file = await upload(pinata, b"dragon")

    assert (await pinata.delete(f"{PUBLIC}/{file['id']}")).status_code == 200

    assert (await pinata.get(f"{PUBLIC}/{file['id']}")).status_code == 404
    assert (await pinata.delete(f"{PUBLIC}/{file['id']}")).status_code == 404
    assert (await gateway.get(f"/ipfs/{file['cid']}")).status_code == 404


async def test_content_of_another_provider_is_pinned_by_its_cid(
    pinata: httpx.AsyncClient, kubo: httpx.AsyncClient, gateway: httpx.AsyncClient
) -> None:
    await kubo.post("/add?cid-version=1", files={"file": b"elsewhere"})
    cid = str(cid_of(b"elsewhere"))

    job = (await pinata.post(f"{PUBLIC}/pin_by_cid", json={"cid": cid, "name": "e"})).json()["data"]

    assert (job["cid"], job["status"]) == (cid, "prechecking")
    [file] = (await pinata.get(PUBLIC, params={"cid": cid})).json()["data"]["files"]
    assert (file["name"], file["size"]) == ("e", 9)
    await kubo.post("/pin/rm", params={"arg": cid})
    assert (await gateway.get(f"/ipfs/{cid}")).content == b"elsewhere"


async def test_content_that_is_nowhere_is_searched_until_it_appears_or_is_cancelled(
    pinata: httpx.AsyncClient, kubo: httpx.AsyncClient
) -> None:
    late, never = str(cid_of(b"late")), str(ABSENT)
    for cid in (late, never):
        await pinata.post(f"{PUBLIC}/pin_by_cid", json={"cid": cid})

    jobs = (await pinata.get(f"{PUBLIC}/pin_by_cid")).json()["data"]["jobs"]
    assert [job["status"] for job in jobs] == ["searching", "searching"]
    for status, count in (("searching", 2), ("expired", 0)):
        listed = await pinata.get(f"{PUBLIC}/pin_by_cid", params={"status": status})
        assert len(listed.json()["data"]["jobs"]) == count

    await kubo.post("/add?cid-version=1", files={"file": b"late"})
    [job] = (await pinata.get(f"{PUBLIC}/pin_by_cid")).json()["data"]["jobs"]
    assert job["cid"] == never

    assert (await pinata.delete(f"{PUBLIC}/pin_by_cid/{job['id']}")).status_code == 200
    assert (await pinata.delete(f"{PUBLIC}/pin_by_cid/{job['id']}")).status_code == 404
    assert (await pinata.get(f"{PUBLIC}/pin_by_cid")).json()["data"]["jobs"] == []


@pytest.mark.parametrize(
    ("form", "files"),
    [
        ({"network": "public"}, {"other": b"x"}),
        ({"network": "secret"}, {"file": b"x"}),
        ({"network": "public", "keyvalues": "{"}, {"file": b"x"}),
        ({"network": "public", "car": "true"}, {"file": b"x"}),
    ],
)
async def test_a_form_that_cannot_be_followed_is_a_bad_request(
    pinata: httpx.AsyncClient, form: dict[str, str], files: dict[str, bytes]
) -> None:
    assert (await pinata.post("/v3/files", data=form, files=files)).status_code == 400


@pytest.mark.parametrize("body", [{}, {"cid": "no cid"}])
async def test_a_pin_request_without_a_cid_is_a_bad_request(
    pinata: httpx.AsyncClient, body: dict[str, str]
) -> None:
    assert (await pinata.post(f"{PUBLIC}/pin_by_cid", json=body)).status_code == 400


async def test_the_limit_of_requests_is_told_and_held(http: httpx.AsyncClient) -> None:
    async with running(IpfsOptions(requests_per_minute=2)) as ipfs:
        headers = {"Authorization": f"Bearer {ipfs.pinata_jwt}"}
        url = f"{ipfs.pinata_api}/data/testAuthentication"
        answers = [await http.get(url, headers=headers) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"2"}
    assert 0 < int(answers[2].headers["Retry-After"]) <= 60

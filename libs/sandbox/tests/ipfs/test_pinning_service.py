"""The sandbox's pinning service behaves as the specification of its API says."""

from collections.abc import AsyncIterator

import httpx
import pytest

from mint_content.unixfs import cid_of
from mint_sandbox.ipfs.server import IpfsEndpoints

CID = str(cid_of(b"elsewhere"))


@pytest.fixture
async def pins(ipfs: IpfsEndpoints) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {ipfs.pinata_jwt}"}
    async with httpx.AsyncClient(base_url=ipfs.pinning_service, headers=headers) as client:
        yield client


async def status(pins: httpx.AsyncClient, request_id: str) -> str:
    return str((await pins.get(f"/pins/{request_id}")).json()["status"])


async def test_a_pin_waits_for_its_content_and_keeps_it(
    pins: httpx.AsyncClient, kubo: httpx.AsyncClient, gateway: httpx.AsyncClient
) -> None:
    asked = await pins.post("/pins", json={"cid": CID, "name": "n"})
    request_id = asked.json()["requestid"]
    assert (asked.status_code, asked.json()["status"]) == (202, "queued")
    assert await status(pins, request_id) == "pinning"
    assert (await pins.get("/pins", params={"cid": CID})).json()["count"] == 0

    await kubo.post("/add?cid-version=1", files={"file": b"elsewhere"})

    assert await status(pins, request_id) == "pinned"
    await kubo.post("/pin/rm", params={"arg": CID})
    assert (await gateway.get(f"/ipfs/{CID}")).content == b"elsewhere"


async def test_content_goes_with_the_last_of_its_pins(
    pins: httpx.AsyncClient, kubo: httpx.AsyncClient, gateway: httpx.AsyncClient
) -> None:
    await kubo.post("/add?cid-version=1", files={"file": b"elsewhere"})
    ids = [(await pins.post("/pins", json={"cid": CID})).json()["requestid"] for _ in range(2)]
    listed = (await pins.get("/pins", params={"cid": CID, "limit": 1})).json()
    assert (listed["count"], len(listed["results"])) == (2, 1)
    await kubo.post("/pin/rm", params={"arg": CID})

    assert (await pins.delete(f"/pins/{ids[0]}")).status_code == 202
    assert (await gateway.get(f"/ipfs/{CID}")).status_code == 200
    assert (await pins.delete(f"/pins/{ids[1]}")).status_code == 202
    assert (await gateway.get(f"/ipfs/{CID}")).status_code == 404


async def test_a_replaced_pin_has_a_new_id(pins: httpx.AsyncClient) -> None:
    first = (await pins.post("/pins", json={"cid": CID})).json()["requestid"]

    second = (await pins.post(f"/pins/{first}", json={"cid": CID, "name": "b"})).json()

    assert second["pin"]["name"] == "b"
    assert (await pins.get(f"/pins/{first}")).status_code == 404
    assert (await pins.get("/pins", params={"name": "b", "status": "pinning"})).json()["count"] == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("GET", "/pins/none", None, (404, "NOT_FOUND")),
        ("DELETE", "/pins/none", None, (404, "NOT_FOUND")),
        ("POST", "/pins", {"cid": "none"}, (400, "BAD_REQUEST")),
        ("POST", "/pins", {}, (400, "BAD_REQUEST")),
    ],
)
async def test_errors_say_their_reason(
    pins: httpx.AsyncClient, method: str, path: str, body: object, expected: tuple[int, str]
) -> None:
    answer = await pins.request(method, path, json=body)

    assert (answer.status_code, answer.json()["error"]["reason"]) == expected


async def test_a_wrong_token_is_refused(pins: httpx.AsyncClient) -> None:
    answer = await pins.get("/pins", headers={"Authorization": "Bearer other"})

    assert answer.status_code == 401

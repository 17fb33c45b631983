"""Gateways and providers that misbehave, as clients see them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import httpx
import pytest

from mint_content.cid import Cid
from mint_content.unixfs import cid_of
from mint_sandbox.control import client as control
from mint_sandbox.faults import Fault, Kind, When
from mint_sandbox.ipfs.server import IpfsEndpoints

PNG = b"\x89PNG\r\n\x1a\n" + bytes(300_000)
OTHER = b'{"name": "another NFT"}'
CID = cid_of(PNG)
PATH = f"/ipfs/{CID}"


@dataclass(frozen=True)
class Content:
    """The network's control port."""

    url: str

    async def misbehave(self, endpoint: str, *faults: Fault) -> None:
        await control.misbehave(self.url, endpoint, faults)

    async def behave(self, endpoint: str) -> None:
        await control.behave(self.url, endpoint)

    async def kinds(self, endpoint: str) -> list[Kind]:
        told = await control.faults(self.url)
        return [Kind(kind) for kind in told[endpoint]["kinds"]]


@pytest.fixture
async def content(ipfs: IpfsEndpoints, kubo: httpx.AsyncClient) -> Content:
    """A network in which Kubo pins two files."""
    for file in (OTHER, PNG):
        await kubo.post("/add?cid-version=1", files={"file": file})
    return Content(ipfs.control)


@pytest.mark.parametrize("endpoint", ["gateway-1", "pinata", "kubo"])
async def test_after_every_fault_each_endpoint_serves_as_before(
    content: Content,
    endpoint: str,
    gateway: httpx.AsyncClient,
    pinata: httpx.AsyncClient,
    kubo: httpx.AsyncClient,
) -> None:
    client, method, path = {
        "gateway-1": (gateway, "GET", PATH),
        "pinata": (pinata, "GET", "/v3/files/public"),
        "kubo": (kubo, "POST", "/version"),
    }[endpoint]
    before = await client.request(method, path)
    for kind in await content.kinds(endpoint):
        await content.misbehave(endpoint, Fault(kind, seconds=0.01))
        await content.behave(endpoint)
        assert (await client.request(method, path)).content == before.content


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind.WRONG_BYTES, lambda body: len(body) == len(PNG) and body != PNG),
        (Kind.TRUNCATED, lambda body: body == PNG[: len(PNG) // 2]),
        (Kind.HTML, lambda body: body.startswith(b"<!DOCTYPE html>")),
        (Kind.OTHER_FILE, lambda body: body == OTHER),
    ],
)
async def test_wrong_content_comes_with_status_200_and_a_length_that_fits(
    content: Content,
    gateway: httpx.AsyncClient,
    kind: Kind,
    expected: Callable[[bytes], bool],
) -> None:
    await content.misbehave("gateway-1", Fault(kind))
    response = await gateway.get(PATH)

    assert response.status_code == 200
    assert expected(response.content)
    assert int(response.headers["Content-Length"]) == len(response.content)


async def test_an_answer_cut_off_is_shorter_than_its_length(
    content: Content, gateway: httpx.AsyncClient
) -> None:
    await content.misbehave("gateway-1", Fault(Kind.CUT_OFF))

    with pytest.raises(httpx.RemoteProtocolError):
        await gateway.get(PATH)


async def test_endless_content_begins_right_and_goes_on_after_its_end(
    content: Content, gateway: httpx.AsyncClient
) -> None:
    await content.misbehave("gateway-1", Fault(Kind.ENDLESS))
    received = b""
    async with gateway.stream("GET", PATH) as response:
        assert "Content-Length" not in response.headers
        async for piece in response.aiter_bytes():
            received += piece
            if len(received) > 10 * len(PNG):
                break

    assert received.startswith(PNG)


async def test_content_that_trickles_is_whole_in_the_end(
    content: Content, gateway: httpx.AsyncClient
) -> None:
    await content.misbehave("gateway-1", Fault(Kind.TRICKLE, seconds=0.05))

    assert (await gateway.get(PATH)).content == PNG


async def test_content_that_trickles_slowly_is_not_there_yet(
    content: Content, gateway: httpx.AsyncClient
) -> None:
    await content.misbehave("gateway-1", Fault(Kind.TRICKLE, seconds=3600))

    async with gateway.stream("GET", PATH, timeout=0.1) as response:
        assert response.status_code == 200
        with pytest.raises(httpx.ReadTimeout):
            await response.aread()


@pytest.mark.parametrize(
    ("given", "expected"),
    [(None, "http://127.0.0.1:1/"), ("http://10.0.0.1/x", "http://10.0.0.1/x")],
)
async def test_a_redirect_leads_to_a_private_address(
    content: Content, gateway: httpx.AsyncClient, given: str | None, expected: str
) -> None:
    await content.misbehave("gateway-1", Fault(Kind.REDIRECT, location=given))
    response = await gateway.get(PATH)

    assert (response.status_code, response.headers["Location"]) == (302, expected)


async def test_one_cid_is_rate_limited_and_others_are_served(
    content: Content, gateway: httpx.AsyncClient
) -> None:
    limited = Fault(Kind.RATE_LIMITED, When(cid=str(CID)), seconds=30)
    await content.misbehave("gateway-1", limited)

    assert (await gateway.get(PATH)).status_code == 429
    assert (await gateway.get(f"/ipfs/{cid_of(OTHER)}")).content == OTHER


async def test_another_gateway_is_not_concerned(
    content: Content, http: httpx.AsyncClient, ipfs: IpfsEndpoints
) -> None:
    await content.misbehave("gateway-1", Fault(Kind.REFUSE))

    with pytest.raises(httpx.ConnectError):
        await http.get(f"{ipfs.gateways[0]}{PATH}")
    assert (await http.get(f"{ipfs.gateways[1]}{PATH}")).content == PNG


@pytest.mark.parametrize(
    ("fault", "status", "headers"),
    [
        (Fault(Kind.UNAUTHORIZED), 401, {}),
        (Fault(Kind.OVER_QUOTA), 403, {}),
        (Fault(Kind.OVER_QUOTA, status=402), 402, {}),
        (Fault(Kind.SERVER_ERROR, status=500), 500, {}),
        (
            Fault(Kind.RATE_LIMITED, seconds=7),
            429,
            {"Retry-After": "7", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "7"},
        ),
    ],
)
async def test_a_provider_says_no_and_keeps_nothing(
    content: Content,
    pinata: httpx.AsyncClient,
    fault: Fault,
    status: int,
    headers: dict[str, str],
) -> None:
    await content.misbehave("pinata", fault)
    response = await upload(pinata, b"dragon")

    assert response.status_code == status
    assert {name: response.headers.get(name) for name in headers} == headers
    await content.behave("pinata")
    assert await files(pinata) == []


async def test_a_lost_reply_hides_an_upload_that_is_kept(
    content: Content, pinata: httpx.AsyncClient, gateway: httpx.AsyncClient
) -> None:
    await content.misbehave("pinata", Fault(Kind.LOST_REPLY, When(methods=("upload",), count=1)))
    with pytest.raises(httpx.ReadError):
        await upload(pinata, b"dragon")

    assert await files(pinata) == [str(cid_of(b"dragon"))]
    assert (await gateway.get(f"/ipfs/{cid_of(b'dragon')}")).content == b"dragon"


async def test_a_wrong_cid_in_the_answer_is_a_cid_of_something_else(
    content: Content, pinata: httpx.AsyncClient, kubo: httpx.AsyncClient
) -> None:
    for endpoint in ("pinata", "kubo"):
        await content.misbehave(endpoint, Fault(Kind.WRONG_CID))
    by_pinata = (await upload(pinata, b"dragon")).json()["data"]["cid"]
    by_kubo = (await kubo.post("/add?cid-version=1", files={"file": b"dragon"})).json()["Hash"]

    for named in (by_pinata, by_kubo):
        assert Cid.parse(named) != cid_of(b"dragon")
    await content.behave("pinata")
    assert await files(pinata) == [str(cid_of(b"dragon"))]


async def test_a_gateway_can_not_have_a_provider_s_faults(content: Content) -> None:
    with pytest.raises(control.ControlRefused, match="wrong-cid"):
        await content.misbehave("gateway-1", Fault(Kind.WRONG_CID))


async def upload(pinata: httpx.AsyncClient, body: bytes) -> httpx.Response:
    return await pinata.post("/v3/files", data={"network": "public"}, files={"file": body})


async def files(pinata: httpx.AsyncClient) -> list[str]:
    listed = (await pinata.get("/v3/files/public")).json()["data"]["files"]
    return [file["cid"] for file in listed]

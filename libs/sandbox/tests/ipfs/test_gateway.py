"""The path gateway protocol, as its specification describes it."""

import httpx
import pytest

from mint_content.cid import Cid
from mint_content.gateway import GatewayPool, NotRetrieved
from mint_content.unixfs import cid_of
from mint_sandbox.ipfs.server import IpfsEndpoints

PNG = b"\x89PNG\r\n\x1a\n" + bytes(300_000)
CID = cid_of(PNG)
PATH = f"/ipfs/{CID}"


@pytest.fixture(autouse=True)
async def _content(kubo: httpx.AsyncClient) -> None:
    await kubo.post("/add?cid-version=1", files={"file": PNG})


@pytest.mark.requirement("VE-2")
async def test_every_gateway_serves_content_that_hashes_to_its_name(
    http: httpx.AsyncClient, ipfs: IpfsEndpoints
) -> None:
    outcomes = await GatewayPool(http, ipfs.gateways).ask_each(CID)

    assert [outcome.good for outcome in outcomes] == [True, True, True]


async def test_headers_say_what_it_is_and_that_it_never_changes(gateway: httpx.AsyncClient) -> None:
    for method in ("GET", "HEAD"):
        response = await gateway.request(method, PATH)
        assert response.status_code == 200
        assert response.headers["content-type"] == "image/png"
        assert response.headers["content-length"] == str(len(PNG))
        assert response.headers["etag"] == f'"{CID}"'
        assert "immutable" in response.headers["cache-control"]
        assert response.content == (PNG if method == "GET" else b"")


async def test_json_is_served_as_text_and_other_bytes_as_bytes(
    gateway: httpx.AsyncClient, kubo: httpx.AsyncClient
) -> None:
    for content, media_type in [(b"{}", "text/plain"), (b"\xff\xff", "application/octet-stream")]:
        await kubo.post("/add?cid-version=1", files={"file": content})
        response = await gateway.get(f"/ipfs/{cid_of(content)}")
        assert response.headers["content-type"].startswith(media_type)


@pytest.mark.parametrize(
    ("wanted", "expected", "described"),
    [
        ("bytes=0-9", PNG[:10], f"bytes 0-9/{len(PNG)}"),
        ("bytes=300000-", PNG[300_000:], f"bytes 300000-300007/{len(PNG)}"),
        ("bytes=-5", PNG[-5:], f"bytes 300003-300007/{len(PNG)}"),
    ],
)
async def test_a_range_is_given_in_part(
    gateway: httpx.AsyncClient, wanted: str, expected: bytes, described: str
) -> None:
    response = await gateway.get(PATH, headers={"Range": wanted})

    assert (response.status_code, response.content) == (206, expected)
    assert response.headers["content-range"] == described


async def test_a_range_outside_the_content_is_refused(gateway: httpx.AsyncClient) -> None:
    response = await gateway.get(PATH, headers={"Range": "bytes=999999-"})

    assert response.status_code == 416
    assert response.headers["content-range"] == f"bytes */{len(PNG)}"


async def test_a_malformed_range_is_passed_over(gateway: httpx.AsyncClient) -> None:
    response = await gateway.get(PATH, headers={"Range": "bytes=x"})

    assert (response.status_code, response.content) == (200, PNG)


@pytest.mark.parametrize(
    "asked",
    [{"params": {"format": "raw"}}, {"headers": {"Accept": "application/vnd.ipld.raw"}}],
)
async def test_a_raw_block_can_be_asked_for(
    gateway: httpx.AsyncClient, asked: dict[str, dict[str, str]]
) -> None:
    response = await gateway.request("GET", PATH, **asked)  # type: ignore[arg-type] # two shapes

    assert response.headers["content-type"] == "application/vnd.ipld.raw"
    assert CID.names(response.content)
    assert response.content != PNG


async def test_content_unpinned_everywhere_is_not_found(
    http: httpx.AsyncClient, kubo: httpx.AsyncClient, ipfs: IpfsEndpoints
) -> None:
    await kubo.post("/pin/rm", params={"arg": str(CID)})

    with pytest.raises(NotRetrieved, match="HTTP 404"):
        await GatewayPool(http, ipfs.gateways).fetch(CID)


async def test_content_that_one_provider_still_pins_is_served(
    kubo: httpx.AsyncClient, pinata: httpx.AsyncClient, gateway: httpx.AsyncClient
) -> None:
    await pinata.post("/v3/files", data={"network": "public"}, files={"file": PNG})
    await kubo.post("/pin/rm", params={"arg": str(CID)})

    assert (await gateway.get(PATH)).content == PNG


async def test_a_name_that_is_none_is_a_bad_request(gateway: httpx.AsyncClient) -> None:
    assert (await gateway.get("/ipfs/no-cid")).status_code == 400


def test_the_test_content_has_more_than_one_block() -> None:
    assert Cid.parse(str(CID)).codec.name == "DAG_PB"

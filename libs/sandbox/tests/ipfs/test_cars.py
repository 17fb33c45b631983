"""Archives keep the names of their blocks, whatever the provider's own cut."""

import httpx
import pytest

from mint_content.car import write_car
from mint_content.unixfs import blocks_of, cid_of
from mint_sandbox.ipfs.server import IpfsOptions, running

DATA = bytes(range(256)) * 3000
CAR = write_car([cid_of(DATA)], blocks_of(DATA))
OTHER_CUT = IpfsOptions(pinata_chunk_size=64 * 1024)


async def upload(http: httpx.AsyncClient, url: str, jwt: str, body: bytes, car: str) -> str:
    answer = await http.post(
        f"{url}/v3/files",
        headers={"Authorization": f"Bearer {jwt}"},
        data={"network": "public", "car": car},
        files={"file": body},
    )
    return str(answer.raise_for_status().json()["data"]["cid"])


@pytest.mark.requirement("IP-2")
async def test_a_provider_that_cuts_otherwise_gives_another_name_but_not_to_an_archive(
    http: httpx.AsyncClient,
) -> None:
    async with running(OTHER_CUT) as ipfs:
        url, jwt = ipfs.pinata_upload, ipfs.pinata_jwt

        assert await upload(http, url, jwt, DATA, "false") != str(cid_of(DATA))
        assert await upload(http, url, jwt, CAR, "true") == str(cid_of(DATA))
        assert (await http.get(f"{ipfs.gateways[0]}/ipfs/{cid_of(DATA)}")).content == DATA


async def test_kubo_imports_and_pins_an_archive(
    kubo: httpx.AsyncClient, gateway: httpx.AsyncClient
) -> None:
    answer = await kubo.post("/dag/import", files={"file": CAR})

    assert answer.json() == {"Root": {"Cid": {"/": str(cid_of(DATA))}, "PinErrorMsg": ""}}
    assert (await kubo.post("/pin/ls", params={"arg": str(cid_of(DATA))})).status_code == 200
    assert (await gateway.get(f"/ipfs/{cid_of(DATA)}")).content == DATA


async def test_kubo_refuses_what_is_no_archive(kubo: httpx.AsyncClient) -> None:
    answer = await kubo.post("/dag/import", files={"file": CAR[:-1]})

    assert (answer.status_code, "CAR ends" in answer.text) == (500, True)

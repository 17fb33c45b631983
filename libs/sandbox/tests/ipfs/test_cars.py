"""Archives keep the names of their blocks, whatever the provider's own cut."""

import httpx
import pytest

from mint_content.car import write_car
from mint_content.dagpb import Entry
from mint_content.unixfs import blocks_of, cid_of, folder_block
from mint_sandbox.ipfs.server import IpfsEndpoints, IpfsOptions, running

DATA = bytes(range(256)) * 3000
CAR = write_car([cid_of(DATA)], blocks_of(DATA))
FOLDER = folder_block((Entry("a", cid_of(DATA), len(DATA)), Entry("b", cid_of(b"b"), 1)))
FOLDER_CAR = write_car([FOLDER.cid], (FOLDER, *blocks_of(DATA), *blocks_of(b"b")))
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


async def test_a_folder_s_files_are_served_while_either_provider_pins_the_folder(
    ipfs: IpfsEndpoints,
    pinata: httpx.AsyncClient,
    kubo: httpx.AsyncClient,
    gateway: httpx.AsyncClient,
) -> None:
    root = await upload(pinata, ipfs.pinata_upload, ipfs.pinata_jwt, FOLDER_CAR, "true")
    await kubo.post("/dag/import", files={"file": FOLDER_CAR})
    assert root == str(FOLDER.cid)

    [file] = (await pinata.get("/v3/files/public", params={"cid": root})).json()["data"]["files"]
    assert (file["number_of_files"], file["size"]) == (2, len(DATA) + 1)
    assert (await kubo.post("/pin/ls", params={"arg": str(cid_of(DATA))})).status_code == 500
    await kubo.post("/pin/rm", params={"arg": root})
    assert (await gateway.get(f"/ipfs/{cid_of(DATA)}")).content == DATA
    assert "<li>b</li>" in (await gateway.get(f"/ipfs/{root}")).text

    await pinata.delete(f"/v3/files/public/{file['id']}")
    assert (await gateway.get(f"/ipfs/{cid_of(b'b')}")).status_code == 404


async def test_an_archive_without_all_of_its_folder_is_refused(
    ipfs: IpfsEndpoints, pinata: httpx.AsyncClient
) -> None:
    partial = write_car([FOLDER.cid], (FOLDER, *blocks_of(DATA)))

    with pytest.raises(httpx.HTTPStatusError, match="400"):
        await upload(pinata, ipfs.pinata_upload, ipfs.pinata_jwt, partial, "true")

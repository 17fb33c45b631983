"""Archives keep our names where a provider cuts otherwise; only a pin counts (IP-2)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from ipfs_uploader.assets import Content
from ipfs_uploader.folder import folder_of
from ipfs_uploader.kubo import Kubo
from ipfs_uploader.pinata import Pinata, PinataAccount
from mint_content.gateway import GatewayPool
from mint_content.unixfs import CHUNK_SIZE, cid_of
from mint_resilience.failures import Transient
from mint_sandbox.ipfs.server import IpfsEndpoints, IpfsOptions, running

if TYPE_CHECKING:
    from conftest import Network

OTHER_CUT = IpfsOptions(pinata_chunk_size=64 * 1024)


def content(data: bytes) -> Content:
    return Content("m.png", "image/png", data, cid_of(data))


FOLDER = folder_of((content(b"a"), content(b"b")))


def pinata_of(endpoints: IpfsEndpoints, http: httpx.AsyncClient) -> Pinata:
    account = PinataAccount(
        client=http,
        api_url=endpoints.pinata_api,
        upload_url=endpoints.pinata_upload,
        jwt=endpoints.pinata_jwt,
        now=time.time,
    )
    return Pinata(account)


@pytest.mark.requirement("IP-2")
async def test_what_is_cut_otherwise_goes_up_as_an_archive_and_the_next_one_at_once(
    http: httpx.AsyncClient,
) -> None:
    uploads: list[str] = []

    @web.middleware
    async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method == "POST":
            uploads.append(request.path)
        return await handler(request)

    def around(endpoint: str) -> list[Middleware]:
        return [counted] if endpoint == "pinata" else []

    large, next_one = content(bytes(2 * CHUNK_SIZE)), content(b"x" * 3 * CHUNK_SIZE)
    small = content(b"of one block")
    async with running(OTHER_CUT, around) as endpoints:
        pinata = pinata_of(endpoints, http)
        counts = []
        for each in (large, next_one, small):
            await pinata.keep(each)
            counts.append(len(uploads))

        # as a file and as an archive; as an archive; a file of one block is not cut by anybody
        assert counts == [2, 3, 4]
        for each in (large, next_one, small):
            assert await pinata.holds(each.cid)
            served = await GatewayPool(http, endpoints.gateways).fetch(each.cid)
            assert served.data == each.data


async def not_pinned(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A Kubo node that takes the blocks of an archive and can not pin its root."""
    if not request.path.endswith("/dag/import"):
        return await handler(request)
    cid = {"/": str(FOLDER.cid)}
    return web.json_response({"Root": {"Cid": cid, "PinErrorMsg": "lock held by another process"}})


async def test_an_archive_that_a_node_imports_and_does_not_pin_is_not_kept(
    kubo: Kubo, network: Network
) -> None:
    network.faults["kubo"] = not_pinned

    with pytest.raises(Transient, match="not pinned: lock held"):
        await kubo.keep(FOLDER)

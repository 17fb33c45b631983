"""Bytes may come from anywhere near; that content came back from IPFS, gateways alone can show."""

from __future__ import annotations

import httpx
import pytest

from ipfs_uploader.assets import Content
from ipfs_uploader.folder import Folder
from ipfs_uploader.guarded import guarded
from ipfs_uploader.pinning import Pinning
from ipfs_uploader.provider import Usage
from mint_content.cache import MemoryCache
from mint_content.cid import Cid
from mint_content.gateway import GatewayPool, NotRetrieved
from mint_content.unixfs import cid_of
from mint_resilience.backoff import Backoff

DOCUMENT = b'{"name": "Dragon"}'
CID = cid_of(DOCUMENT)
ONCE = Backoff(attempts=1, base=0.0)


class Keeper:
    """A provider that keeps whatever it is given."""

    name = "keeper"
    takes_bytes = True

    def __init__(self) -> None:
        self.kept: set[Cid] = set()

    async def holds(self, cid: Cid) -> bool:
        return cid in self.kept

    async def keep(self, content: Content | Folder) -> None:
        self.kept.add(content.cid)

    async def adopt(self, cid: Cid, name: str) -> None:
        self.kept.add(cid)

    async def unpin(self, cid: Cid) -> None:
        self.kept.discard(cid)

    async def check(self) -> Usage:
        return Usage()


class Copies:
    async def document(self, cid: Cid) -> bytes | None:
        return DOCUMENT if cid == CID else None


def gateways_that_are_down() -> GatewayPool:
    def down(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused", request=request)

    client = httpx.AsyncClient(transport=httpx.MockTransport(down))
    return GatewayPool(client, ["https://gateway.example"])


@pytest.mark.requirement("IP-5")
async def test_content_that_was_fetched_is_at_hand_when_the_gateways_are_down() -> None:
    cache = MemoryCache(1000)
    await cache.put(CID, DOCUMENT)

    pinning = Pinning((), gateways_that_are_down(), ONCE, cache=cache)

    assert await pinning.fetch(CID) == DOCUMENT


@pytest.mark.requirement("IP-5")
async def test_a_document_can_be_pinned_again_from_its_local_copy() -> None:
    pinning = Pinning((), gateways_that_are_down(), ONCE, local=Copies())

    assert await pinning.fetch(CID) == DOCUMENT
    with pytest.raises(NotRetrieved):
        await pinning.fetch(cid_of(b"an image"))


@pytest.mark.requirement("IP-4", "MF-4")
async def test_neither_shows_that_content_has_come_back_from_ipfs() -> None:
    cache = MemoryCache(1000)
    await cache.put(CID, DOCUMENT)
    pinning = Pinning(
        guarded([Keeper()]), gateways_that_are_down(), ONCE, cache=cache, local=Copies()
    )

    with pytest.raises(NotRetrieved):
        await pinning.pin(Content("1.json", "application/json", DOCUMENT, CID))

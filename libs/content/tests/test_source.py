"""Bytes are had from the nearest place; a place without them, or with others, changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx
import pytest

from mint_content.cache import MemoryCache
from mint_content.cid import Cid
from mint_content.gateway import GatewayPool, NotRetrieved
from mint_content.source import ContentSource, LocalCopies
from mint_content.unixfs import cid_of
from mint_resilience.breaker import BreakerPolicy
from mint_resilience.failures import AllUnavailable, Outage

DOCUMENT = b'{"name": "Dragon"}'
CID = cid_of(DOCUMENT)


@dataclass
class Web:
    """One gateway, which serves as long as it is told to; `asked` counts."""

    body: bytes | None = DOCUMENT
    asked: int = 0

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.body is None:
            raise httpx.ConnectError("connection refused", request=request)
        return httpx.Response(200, content=self.body)

    def pool(self, policy: BreakerPolicy | None = None) -> GatewayPool:
        client = httpx.AsyncClient(transport=httpx.MockTransport(self.answer))
        return GatewayPool(client, ["https://gateway.example"], policy=policy)


@dataclass
class Copies:
    """Local copies, or the failure of those who keep them."""

    documents: dict[Cid, bytes] = field(default_factory=dict)
    failure: Exception | None = None
    asked: int = 0

    async def document(self, cid: Cid) -> bytes | None:
        self.asked += 1
        if self.failure:
            raise self.failure
        return self.documents.get(cid)


def source(
    web: Web, local: LocalCopies | None = None, policy: BreakerPolicy | None = None
) -> ContentSource:
    return ContentSource(web.pool(policy), MemoryCache(1000), local)


@pytest.mark.requirement("IP-5")
async def test_what_was_retrieved_once_is_not_asked_for_again() -> None:
    web = Web()
    contents = source(web)

    assert [await contents.fetch(CID), await contents.fetch(CID)] == [DOCUMENT, DOCUMENT]
    assert web.asked == 1


@pytest.mark.requirement("IP-4", "IP-5")
async def test_what_was_not_verified_is_not_kept() -> None:
    web = Web(b"<html>")
    contents = source(web)
    with pytest.raises(NotRetrieved):
        await contents.fetch(CID)

    web.body = DOCUMENT

    assert await contents.fetch(CID) == DOCUMENT


@pytest.mark.requirement("IP-5")
async def test_when_every_gateway_is_down_the_local_copy_serves() -> None:
    local = Copies({CID: DOCUMENT})

    assert await source(Web(None), local).fetch(CID) == DOCUMENT


@pytest.mark.requirement("IP-5")
async def test_the_local_copy_serves_also_when_no_gateway_may_be_asked() -> None:
    contents = source(Web(None), Copies({CID: DOCUMENT}), BreakerPolicy(minimum_calls=1))

    assert [await contents.fetch(CID) for _ in range(3)] == [DOCUMENT] * 3


async def test_while_a_gateway_serves_nobody_looks_for_a_local_copy() -> None:
    local = Copies({CID: DOCUMENT})

    await source(Web(), local).fetch(CID)

    assert local.asked == 0


@pytest.mark.requirement("IP-5")
@pytest.mark.parametrize(
    ("local", "note"),
    [
        (Copies(), None),
        (Copies({CID: b"{}"}), f"the local copy of {CID} has other bytes"),
        (Copies(failure=Outage("database: refused")), "local copy: database: refused"),
    ],
)
async def test_without_a_good_copy_the_gateways_failure_stands(
    local: Copies, note: str | None
) -> None:
    with pytest.raises(NotRetrieved, match="connection refused") as raised:
        await source(Web(None), local).fetch(CID)

    notes = getattr(raised.value, "__notes__", [])
    assert [told[: len(note or "")] for told in notes] == ([note] if note else [])


async def test_nobody_asked_and_no_copy_says_nothing_of_the_content() -> None:
    contents = source(Web(None), None, BreakerPolicy(minimum_calls=1))
    with pytest.raises(NotRetrieved):
        await contents.fetch(CID)

    with pytest.raises(AllUnavailable):
        await contents.fetch(CID)

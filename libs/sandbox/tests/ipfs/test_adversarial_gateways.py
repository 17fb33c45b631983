"""What a gateway does to a reader that hashes: it loses the reader to the next gateway, no more.

A reader is lied to about a small file, whose name is its bytes' hash, and about one of many blocks.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from mint_content.cid import Cid
from mint_content.gateway import GatewayOutcome, GatewayPool, NotRetrieved
from mint_content.unixfs import cid_of
from mint_resilience.failures import (
    Degraded,
    Failure,
    Outage,
    Permanent,
    RateLimited,
    Transient,
)
from mint_sandbox.control import client as control
from mint_sandbox.faults import Fault, Kind, When
from mint_sandbox.ipfs.server import IpfsEndpoints

SMALL = b'{"name": "Dragon"}'
LARGE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 2000
OTHER = b'{"name": "another NFT"}'
LIMIT = 1_000_000
MOST_READ = 2 * LIMIT + len(LARGE)

LIES: dict[Kind, type[Failure]] = {
    Kind.WRONG_BYTES: Transient,
    Kind.HTML: Transient,
    Kind.GARBAGE: Transient,
    Kind.TRUNCATED: Transient,
    Kind.CUT_OFF: Transient,
    Kind.OTHER_FILE: Transient,
    Kind.REDIRECT: Transient,
    Kind.SERVER_ERROR: Transient,
    Kind.LOST_REPLY: Transient,
    Kind.RATE_LIMITED: RateLimited,
    Kind.REFUSE: Outage,
    Kind.HANG: Degraded,
    Kind.TRICKLE: Degraded,
}
"""What a gateway does, and what its failure is called."""


class CountedBytes(httpx.AsyncHTTPTransport):
    """Counts the bytes of all bodies that are read, and keeps the addresses asked."""

    def __init__(self) -> None:
        super().__init__()
        self.read = 0
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        response = await super().handle_async_request(request)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _Counted(response.stream, self)
        return response


@dataclass
class _Counted(httpx.AsyncByteStream):
    stream: httpx.AsyncByteStream
    counter: CountedBytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self.stream:
            self.counter.read += len(piece)
            yield piece

    async def aclose(self) -> None:
        await self.stream.aclose()


@pytest.fixture
def counted() -> CountedBytes:
    return CountedBytes()


@pytest.fixture
async def reader(counted: CountedBytes) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=counted) as client:
        yield client


@pytest.fixture
async def network(ipfs: IpfsEndpoints, kubo: httpx.AsyncClient) -> IpfsEndpoints:
    """A network in which Kubo pins three files."""
    for file in (OTHER, SMALL, LARGE):
        await kubo.post("/add?cid-version=1", files={"file": file})
    return ipfs


def pool(
    reader: httpx.AsyncClient, network: IpfsEndpoints, fault: Kind = Kind.HTML, gateways: int = 2
) -> GatewayPool:
    """Gateways that have no time where the lie is to take it, and enough of it elsewhere."""
    patience = 0.5 if LIES.get(fault) is Degraded else 30.0
    return GatewayPool(reader, network.gateways[:gateways], time_limit=patience, size_limit=LIMIT)


async def misbehave(network: IpfsEndpoints, fault: Fault) -> None:
    await control.misbehave(network.control, "gateway-1", [fault])


@pytest.mark.requirement("IP-4", "VE-2")
@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("kind", LIES)
async def test_a_lie_is_called_by_its_name_and_the_next_gateway_is_asked(
    network: IpfsEndpoints,
    reader: httpx.AsyncClient,
    counted: CountedBytes,
    kind: Kind,
    content: bytes,
) -> None:
    seconds = 3600.0 if kind is Kind.TRICKLE else None
    await misbehave(network, Fault(kind, seconds=seconds))

    retrieval = await pool(reader, network, kind).fetch(cid_of(content))

    liar, honest = retrieval.outcomes
    assert type(liar.failure) is LIES[kind]
    assert (honest.good, retrieval.data) == (True, content)
    assert counted.read < MOST_READ


@pytest.mark.requirement("IP-4")
@pytest.mark.parametrize("kind", LIES)
async def test_where_there_is_no_other_gateway_nothing_is_said_of_the_content(
    network: IpfsEndpoints, reader: httpx.AsyncClient, kind: Kind
) -> None:
    seconds = 3600.0 if kind is Kind.TRICKLE else None
    await misbehave(network, Fault(kind, seconds=seconds))

    with pytest.raises(NotRetrieved) as raised:
        await pool(reader, network, kind, gateways=1).fetch(cid_of(LARGE))

    assert raised.value.final is False


@pytest.mark.requirement("IP-4")
async def test_bytes_without_end_are_read_to_the_limit_and_the_next_gateway_is_asked(
    network: IpfsEndpoints, reader: httpx.AsyncClient, counted: CountedBytes
) -> None:
    await misbehave(network, Fault(Kind.ENDLESS))

    retrieval = await pool(reader, network).fetch(cid_of(SMALL))

    assert type(retrieval.outcomes[0].failure) is Transient
    assert retrieval.data == SMALL
    assert counted.read < MOST_READ


@pytest.mark.requirement("IP-4")
async def test_of_an_archive_without_end_no_more_is_read_than_the_file(
    network: IpfsEndpoints, reader: httpx.AsyncClient, counted: CountedBytes
) -> None:
    await misbehave(network, Fault(Kind.ENDLESS))

    retrieval = await pool(reader, network).fetch(cid_of(LARGE))

    assert (retrieval.data, len(retrieval.outcomes)) == (LARGE, 1)
    assert counted.read < MOST_READ


@pytest.mark.requirement("VE-2")
async def test_a_browser_reads_on_so_a_file_without_end_is_no_file_for_it(
    network: IpfsEndpoints, reader: httpx.AsyncClient, counted: CountedBytes
) -> None:
    await misbehave(network, Fault(Kind.ENDLESS))
    browsers = GatewayPool(reader, network.gateways[:2], size_limit=LIMIT, trustless=False)

    outcomes = await browsers.ask_each(cid_of(LARGE))

    assert [outcome.good for outcome in outcomes] == [False, True]
    assert counted.read < MOST_READ


@pytest.mark.requirement("IP-4")
async def test_a_redirect_to_a_private_address_is_not_even_tried(
    network: IpfsEndpoints, reader: httpx.AsyncClient, counted: CountedBytes
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as inside:
        location = f"http://127.0.0.1:{inside.getsockname()[1]}/"
        await misbehave(network, Fault(Kind.REDIRECT, location=location))
        retrieval = await pool(reader, network).fetch(cid_of(SMALL))

    assert retrieval.data == SMALL
    assert not any(url.startswith(location) for url in counted.asked)


@pytest.mark.requirement("IP-4")
async def test_a_limit_on_one_cid_is_a_limit_on_that_one(
    network: IpfsEndpoints, reader: httpx.AsyncClient
) -> None:
    limited = cid_of(SMALL)
    await misbehave(network, Fault(Kind.RATE_LIMITED, When(cid=str(limited)), seconds=30))

    first = await outcomes(reader, network, cid_of(OTHER))
    second = await outcomes(reader, network, limited)

    assert [outcome.good for outcome in first] == [True]
    assert isinstance(second[0].failure, RateLimited)
    assert second[0].failure.retry_after == 30
    assert second[1].good


async def outcomes(
    reader: httpx.AsyncClient, network: IpfsEndpoints, cid: Cid
) -> tuple[GatewayOutcome, ...]:
    return (await pool(reader, network).fetch(cid)).outcomes


@pytest.mark.requirement("IP-4")
async def test_content_that_nobody_has_is_final(
    network: IpfsEndpoints, reader: httpx.AsyncClient
) -> None:
    with pytest.raises(NotRetrieved) as raised:
        await pool(reader, network).fetch(cid_of(b"nobody has this"))

    assert raised.value.final
    assert all(type(outcome.failure) is Permanent for outcome in raised.value.outcomes)

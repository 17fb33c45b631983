"""A file from one gateway is what its name says, however it was cut and whatever is offered."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random

import httpx
import pytest

from mint_content.car import MEDIA_TYPE, write_car
from mint_content.cid import Cid, Codec
from mint_content.dagpb import Link, encode_file
from mint_content.download import Download
from mint_content.unixfs import CHUNK_SIZE, Block, FileHasher, Layout, blocks_of, cid_of
from mint_resilience.failures import Degraded, Failure, Outage, Permanent, Transient

URL = "https://gateway.example"
CONTENT = b"a dragon of level three"
EVERYTHING = ("car", "raw", "file")

Tamper = Callable[[Sequence[Block]], Sequence[Block]]


@dataclass
class Gateway:
    """One file, in the formats that the gateway offers; `asked` is what was asked for."""

    data: bytes
    blocks: Sequence[Block]
    offers: Sequence[str] = EVERYTHING
    refusal: int = 406
    asked: list[str] = field(default_factory=list)

    @property
    def cid(self) -> Cid:
        return self.blocks[-1].cid

    def answer(self, request: httpx.Request) -> httpx.Response:
        wanted = request.url.params.get("format", "file")
        self.asked.append(wanted)
        if wanted not in self.offers:
            return httpx.Response(self.refusal)
        if wanted == "car":
            body = write_car([self.cid], reversed(self.blocks))
            return httpx.Response(200, content=body, headers={"Content-Type": MEDIA_TYPE})
        return self._bytes(wanted, request.url.path.removeprefix("/ipfs/"))

    def _bytes(self, wanted: str, name: str) -> httpx.Response:
        held = {str(block.cid): block.data for block in self.blocks}
        if name not in held:
            return httpx.Response(404)
        return httpx.Response(200, content=self.data if wanted == "file" else held[name])


def cut(data: bytes, chunk_size: int, layout: Layout = Layout.V1_RAW_LEAVES) -> list[Block]:
    blocks: list[Block] = []
    hasher = FileHasher(layout, blocks.append, chunk_size)
    hasher.update(data)
    hasher.finish()
    return blocks


def download(
    answer: Callable[[httpx.Request], httpx.Response],
    *,
    size_limit: int = 10**6,
    time_limit: float = 5.0,
    trustless: bool = True,
) -> Download:
    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return Download(client, URL, time_limit, size_limit, trustless)


def replaced(blocks: Sequence[Block], index: int, data: bytes) -> list[Block]:
    """The blocks with other bytes under one of their names, after their own name was taken."""
    return [replace(b, data=data) if n == index else b for n, b in enumerate(blocks)]


async def failure_of(fetching: Download, cid: Cid) -> Failure:
    with pytest.raises(Failure) as raised:
        await fetching.file(cid)
    return raised.value


SMALL = Gateway(CONTENT, blocks_of(CONTENT))
LARGE = Gateway(bytes(CHUNK_SIZE) + CONTENT, blocks_of(bytes(CHUNK_SIZE) + CONTENT))
BY_HAND = Gateway(CONTENT, cut(CONTENT, 5))
OLD = Gateway(CONTENT, cut(CONTENT, 5, Layout.V0_WRAPPED_LEAVES))


@pytest.mark.requirement("IP-4")
@pytest.mark.parametrize("refusal", [400, 406, 415, 501])
@pytest.mark.parametrize(
    ("served", "offers", "asked"),
    [
        (SMALL, EVERYTHING, ["raw"]),
        (SMALL, ["file"], ["raw", "file"]),
        (LARGE, EVERYTHING, ["car"]),
        (LARGE, ["file"], ["car", "file"]),
        (BY_HAND, EVERYTHING, ["car"]),
        (BY_HAND, ["raw", "file"], ["car", "file", *["raw"] * 6]),
        (OLD, EVERYTHING, ["car"]),
    ],
)
async def test_a_file_is_had_in_the_best_way_that_is_offered(
    served: Gateway, offers: Sequence[str], asked: Sequence[str], refusal: int
) -> None:
    gateway = replace(served, offers=offers, refusal=refusal, asked=[])

    assert await download(gateway.answer).file(gateway.cid) == gateway.data
    assert gateway.asked == asked


@pytest.mark.requirement("VE-2")
@pytest.mark.parametrize(
    ("served", "asked"),
    [(SMALL, ["file"]), (LARGE, ["file"]), (BY_HAND, ["file", *["raw"] * 6])],
)
async def test_a_file_is_had_as_a_browser_gets_it(served: Gateway, asked: Sequence[str]) -> None:
    gateway = replace(served, asked=[])

    assert await download(gateway.answer, trustless=False).file(gateway.cid) == gateway.data
    assert gateway.asked == asked


@pytest.mark.requirement("VE-2")
@pytest.mark.parametrize("served", [SMALL, LARGE, BY_HAND])
async def test_what_a_browser_gets_wrong_is_wrong_even_if_the_blocks_are_right(
    served: Gateway,
) -> None:
    gateway = replace(served, data=b"<html>Please sign in</html>")

    failure = await failure_of(download(gateway.answer, trustless=False), gateway.cid)

    assert type(failure) is Transient


async def test_an_archive_may_hold_a_block_twice() -> None:
    root, *others = reversed(BY_HAND.blocks)
    body = write_car([BY_HAND.cid], [root, *others[:-1]])
    body += write_car([BY_HAND.cid], [root, *others])[len(write_car([BY_HAND.cid], [])) :]
    headers = {"Content-Type": MEDIA_TYPE}
    gateway = download(lambda _: httpx.Response(200, content=body, headers=headers))

    assert await gateway.file(BY_HAND.cid) == CONTENT


@pytest.mark.requirement("IP-4")
async def test_an_archive_is_left_when_the_file_is_whole_whatever_follows() -> None:
    body = write_car([BY_HAND.cid], reversed(BY_HAND.blocks)) + bytes(10**6)
    headers = {"Content-Type": MEDIA_TYPE}
    gateway = download(lambda _: httpx.Response(200, content=body, headers=headers))

    assert await gateway.file(BY_HAND.cid) == CONTENT


@pytest.mark.requirement("IP-4")
@pytest.mark.parametrize("served", [SMALL, LARGE])
async def test_a_gateway_that_knows_no_formats_answers_with_the_file(served: Gateway) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=served.data)

    assert await download(answer).file(served.cid) == served.data


async def test_data_that_an_inner_node_holds_itself_comes_before_its_children() -> None:
    tail = b"level three"
    leaf = Block(Cid.of_block(tail, Codec.RAW), tail)
    node = encode_file([Link(leaf.cid, len(tail), len(tail))], b"a dragon of ")
    gateway = Gateway(CONTENT, [leaf, Block(Cid.of_block(node, Codec.DAG_PB), node)])

    assert await download(gateway.answer).file(gateway.cid) == CONTENT


def one_changed(blocks: Sequence[Block]) -> Sequence[Block]:
    return replaced(blocks, 2, b"other")


def one_missing(blocks: Sequence[Block]) -> Sequence[Block]:
    return [*blocks[:2], *blocks[3:]]


def one_too_many(blocks: Sequence[Block]) -> Sequence[Block]:
    return [*blocks[:2], Block(cid_of(b"junk"), b"junk"), *blocks[2:]]


def another_tree(_: Sequence[Block]) -> Sequence[Block]:
    return cut(b"a dragon of level nine!", 5)


@pytest.mark.requirement("IP-4")
@pytest.mark.parametrize("tamper", [one_changed, one_missing, one_too_many, another_tree])
async def test_an_archive_with_other_blocks_is_no_answer(tamper: Tamper) -> None:
    body = write_car([BY_HAND.cid], reversed(tamper(BY_HAND.blocks)))
    headers = {"Content-Type": MEDIA_TYPE}

    failure = await failure_of(
        download(lambda _: httpx.Response(200, content=body, headers=headers)), BY_HAND.cid
    )

    assert isinstance(failure, Transient)


@pytest.mark.requirement("IP-4")
async def test_one_wrong_block_makes_the_file_wrong() -> None:
    tampered = replace(BY_HAND, blocks=one_changed(BY_HAND.blocks), offers=["raw", "file"])

    failure = await failure_of(download(tampered.answer), BY_HAND.cid)

    assert isinstance(failure, Transient)
    assert str(BY_HAND.blocks[2].cid) in str(failure)


@pytest.mark.requirement("IP-4")
async def test_an_archive_is_left_at_its_first_wrong_block() -> None:
    sent = 0
    data = Random(1).randbytes(40 * CHUNK_SIZE)
    blocks = blocks_of(data)
    tampered = [blocks[-1], *replaced(blocks[:-1], 0, bytes(CHUNK_SIZE))]

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        archive = write_car([blocks[-1].cid], tampered)
        for start in range(0, len(archive), 65_536):
            sent += 65_536
            yield archive[start : start + 65_536]

    headers = {"Content-Type": MEDIA_TYPE}
    gateway = download(
        lambda _: httpx.Response(200, content=body(), headers=headers), size_limit=len(data)
    )

    assert isinstance(await failure_of(gateway, blocks[-1].cid), Transient)
    assert sent <= 2 * CHUNK_SIZE


@pytest.mark.parametrize("offers", [EVERYTHING, ["raw", "file"]])
async def test_verified_blocks_of_more_than_the_limit_are_final(offers: Sequence[str]) -> None:
    gateway = Gateway(b"", cut(CONTENT * 10, 5), offers=offers)

    failure = await failure_of(download(gateway.answer, size_limit=220), gateway.cid)

    assert isinstance(failure, Permanent)
    assert "longer than 220 bytes" in str(failure)


@pytest.mark.requirement("IP-4")
@pytest.mark.parametrize("served", [SMALL, LARGE])
async def test_bytes_without_end_say_nothing_of_the_content(served: Gateway) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1000
            yield bytes(1000)

    gateway = download(lambda _: httpx.Response(200, content=endless()), size_limit=5000)

    failure = await failure_of(gateway, served.cid)

    assert type(failure) is Transient
    assert "longer than 5000 bytes" in str(failure)
    assert sent <= 10_000


@pytest.mark.requirement("IP-4")
async def test_a_packed_answer_is_not_unpacked() -> None:
    packed = gzip.compress(bytes(10**7))
    headers = {"Content-Encoding": "gzip"}

    failure = await failure_of(
        download(lambda _: httpx.Response(200, content=packed, headers=headers)), SMALL.cid
    )

    assert isinstance(failure, Transient)
    assert "gzip" in str(failure)


async def test_a_folder_is_no_file() -> None:
    folder = b"\x0a\x02\x08\x01"
    gateway = Gateway(b"<html>", [Block(Cid.of_block(folder, Codec.DAG_PB), folder)])

    failure = await failure_of(download(gateway.answer), gateway.cid)

    assert isinstance(failure, Permanent)
    assert "not a file" in str(failure)


@pytest.mark.requirement("NR-1")
@pytest.mark.parametrize("served", [SMALL, LARGE])
async def test_a_refusal_in_every_format_is_final_and_a_broken_gateway_is_not(
    served: Gateway,
) -> None:
    def refused(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused", request=request)

    for answer, kind in (
        (lambda _: httpx.Response(400), Permanent),
        (lambda _: httpx.Response(404), Permanent),
        (lambda _: httpx.Response(403), Outage),
        (lambda _: httpx.Response(501), Transient),
        (refused, Outage),
    ):
        assert type(await failure_of(download(answer), served.cid)) is kind


@pytest.mark.requirement("IP-4")
async def test_a_gateway_may_redirect_to_the_content_s_own_host() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        if request.url.host == "gateway.example":
            location = f"https://{SMALL.cid}.ipfs.gateway.example/?format=raw"
            return httpx.Response(301, headers={"Location": location})
        return httpx.Response(200, content=CONTENT)

    assert await download(answer).file(SMALL.cid) == CONTENT
    assert len(asked) == 2


@pytest.mark.requirement("IP-4")
@pytest.mark.parametrize(
    ("location", "requests"),
    [("http://169.254.169.254/latest/meta-data/", 1), ("https://gateway.example/again", 4)],
)
async def test_a_redirect_inside_our_network_or_in_a_circle_is_not_followed(
    location: str, requests: int
) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(302, headers={"Location": location})

    failure = await failure_of(download(answer), SMALL.cid)

    assert isinstance(failure, Transient)
    assert "redirects" in str(failure)
    assert len(asked) == requests


async def test_a_gateway_that_is_too_slow_is_degraded() -> None:
    async def silent() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    slow = download(lambda _: httpx.Response(200, content=silent()), time_limit=0.01)

    assert isinstance(await failure_of(slow, SMALL.cid), Degraded)

"""A file from one gateway is what its name says, however it was cut into blocks."""

from collections.abc import Sequence

import httpx
import pytest

from mint_content.cid import Cid, Codec
from mint_content.dagpb import Link, encode_file
from mint_content.download import Download
from mint_content.unixfs import Block, cid_of
from mint_resilience.failures import Failure, Permanent, Transient

URL = "https://gateway.example"
CONTENT = b"a dragon of level three"


def leaf(data: bytes) -> tuple[Block, Link]:
    cid = Cid.of_block(data, Codec.RAW)
    return Block(cid, data), Link(cid, len(data), len(data))


def node(links: Sequence[Link], data: bytes = b"") -> tuple[Block, Link]:
    block = encode_file(links, data)
    cid = Cid.of_block(block, Codec.DAG_PB)
    size = len(data) + sum(link.file_size for link in links)
    return Block(cid, block), Link(cid, size, len(block))


def cut_by_hand(content: bytes) -> tuple[Cid, dict[str, bytes]]:
    """A tree of two levels with leaves of 5 bytes, of which no default would make."""
    leaves = [leaf(content[start : start + 5]) for start in range(0, len(content), 5)]
    inner = node([link for _, link in leaves[:3]])
    root = node([inner[1], *(link for _, link in leaves[3:])])
    blocks = [block for block, _ in (*leaves, inner, root)]
    return root[0].cid, {str(block.cid): block.data for block in blocks}


def gateway(
    files: dict[str, bytes], blocks: dict[str, bytes], asked: list[str] | None = None, **limits: int
) -> Download:
    def answer(request: httpx.Request) -> httpx.Response:
        if asked is not None:
            asked.append(str(request.url))
        source = blocks if request.url.query == b"format=raw" else files
        body = source.get(request.url.path.removeprefix("/ipfs/"))
        return httpx.Response(404) if body is None else httpx.Response(200, content=body)

    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return Download(client, URL, 5.0, limits.get("size_limit", 1000))


async def failure_of(download: Download, cid: Cid) -> Failure:
    with pytest.raises(Failure) as raised:
        await download.file(cid)
    return raised.value


async def test_a_file_of_the_usual_cut_takes_one_request() -> None:
    cid, asked = cid_of(CONTENT), list[str]()

    assert await gateway({str(cid): CONTENT}, {}, asked).file(cid) == CONTENT
    assert asked == [f"{URL}/ipfs/{cid}"]


@pytest.mark.requirement("IP-4")
async def test_a_file_of_another_cut_is_put_together_from_verified_blocks() -> None:
    cid, blocks = cut_by_hand(CONTENT)

    assert await gateway({str(cid): CONTENT}, blocks).file(cid) == CONTENT


async def test_data_that_an_inner_node_holds_itself_comes_before_its_children() -> None:
    tail, link = leaf(b"level three")
    root, _ = node([link], b"a dragon of ")
    blocks = {str(block.cid): block.data for block in (tail, root)}

    data = await gateway({str(root.cid): b"?"}, blocks).file(root.cid)

    assert data == CONTENT


@pytest.mark.requirement("IP-4")
async def test_one_wrong_block_makes_the_file_wrong() -> None:
    cid, blocks = cut_by_hand(CONTENT)
    changed = next(name for name, block in blocks.items() if block == CONTENT[5:10])
    blocks[changed] = b"other"

    failure = await failure_of(gateway({str(cid): CONTENT}, blocks), cid)

    assert isinstance(failure, Transient)
    assert changed in str(failure)


async def test_a_tree_that_grows_beyond_the_size_limit_is_left() -> None:
    cid, blocks = cut_by_hand(CONTENT * 10)

    failure = await failure_of(gateway({str(cid): b""}, blocks, size_limit=220), cid)

    assert isinstance(failure, Permanent)
    assert "longer than 220 bytes" in str(failure)


async def test_a_folder_is_no_file() -> None:
    folder = b"\x0a\x02\x08\x01"
    cid = Cid.of_block(folder, Codec.DAG_PB)

    failure = await failure_of(gateway({str(cid): b"<html>"}, {str(cid): folder}), cid)

    assert isinstance(failure, Permanent)
    assert "not a file" in str(failure)

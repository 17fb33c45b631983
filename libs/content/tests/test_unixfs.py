"""Files get the names that Kubo gives them."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mint_content.cid import Cid, Codec
from mint_content.dagpb import Link, decode_file, encode_file
from mint_content.unixfs import (
    CHUNK_SIZE,
    MAX_LINKS,
    Block,
    FileHasher,
    Layout,
    children_of,
    cid_of,
    read_file,
    verify,
)
from mint_resilience.failures import Permanent

MIB = 1024 * 1024

KUBO_VECTORS = {
    0: "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
    1: "bafkreidogqfzz75tpkmjzjke425xqcrmpcib2p5tg44hnbirumdbpl5adu",
    CHUNK_SIZE - 1: "bafkreiagptg6ztonoojy4wflk3wwusl5xt4vcy6uult4wa7oemsjtxhjsu",
    CHUNK_SIZE: "bafkreibruh455iawsviqslif5c7uurdcfdemh22mtnytyzvnzn75kpejxy",
    CHUNK_SIZE + 1: "bafybeiexg2oqkfnj56l7fcmawswqbijt5shq4b5rg6a546uwpkqqzwjioi",
    10 * MIB: "bafybeih4kagh7adu5njlrodpibagiyttjpsfgsxw5buthmrw5edmkavvqi",
    MAX_LINKS * CHUNK_SIZE: "bafybeihpe5snhzneq7xs53nivmsopto5lrogo3wjynauqylqeym5a3irbm",
    MAX_LINKS * CHUNK_SIZE + 1: "bafybeib4y7ghw2rq7bracc4xwtxrbzo7cfvagdpte2tmrkgwl6dyard3cm",
    60 * MIB: "bafybeihyujmxuj24ggnk2n4qfnza5w7e2j4potza7rz2zcisz4wzbveffe",
}
"""File length to CID, for the bytes 0, 1 … 250, 0, 1 …: made by a Rust implementation that was
compared with Kubo 0.43 at every one of these lengths."""

KUBO_V0_VECTORS = {
    0: "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH",
    1: "QmS9JArPwa55ePgDnyg6TzX24mYTS1b1vLqWNebyVotKxQ",
    CHUNK_SIZE: "QmeqfRyS3vkku7n6krqC3DgGMex3x2sCpSeKMDmrG13QQq",
    CHUNK_SIZE + 1: "QmUSjGawaz4ptvREcMKSMJneWCa5j8dAz2wSAAvHtW2rnB",
    10 * MIB: "QmRAsWzZB1zs3xJ93dXhkhKkJjFLWCEC6h5HswGZgHVcxk",
}


def pattern(length: int) -> bytes:
    return (bytes(range(251)) * (length // 251 + 1))[:length]


@pytest.mark.requirement("IP-2")
@pytest.mark.parametrize(("length", "expected"), KUBO_VECTORS.items())
def test_a_file_gets_the_name_that_kubo_gives_it(length: int, expected: str) -> None:
    assert str(cid_of(pattern(length))) == expected


@pytest.mark.parametrize(("length", "expected"), KUBO_V0_VECTORS.items())
def test_a_file_gets_the_version_0_name_that_kubo_gives_it(length: int, expected: str) -> None:
    assert str(cid_of(pattern(length), Layout.V0_WRAPPED_LEAVES)) == expected


@pytest.mark.parametrize("layout", Layout)
def test_the_name_does_not_depend_on_how_the_bytes_arrive(layout: Layout) -> None:
    data = random.Random(7).randbytes(3 * CHUNK_SIZE + 17)
    hasher = FileHasher(layout)

    for start in range(0, len(data), 99_991):
        hasher.update(data[start : start + 99_991])

    assert hasher.finish().cid == cid_of(data, layout)


@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("length", [0, 1, CHUNK_SIZE + 1, (MAX_LINKS + 2) * CHUNK_SIZE])
def test_the_blocks_of_a_file_give_the_file_back(layout: Layout, length: int) -> None:
    data = random.Random(length).randbytes(length)
    blocks: list[Block] = []
    hasher = FileHasher(layout, blocks.append)

    hasher.update(data)
    root = hasher.finish()

    by_cid = {block.cid: block.data for block in blocks}
    assert all(block.cid.names(block.data) for block in blocks)
    assert read_file(root.cid, by_cid.__getitem__) == data
    assert root.file_size == length
    assert root.dag_size == sum(len(block.data) for block in blocks)


def test_every_block_comes_after_those_it_refers_to() -> None:
    seen: set[Cid] = set()

    def check(block: Block) -> None:
        assert seen.issuperset(children_of(block))
        seen.add(block.cid)

    hasher = FileHasher(sink=check)
    hasher.update(bytes((MAX_LINKS + 1) * CHUNK_SIZE))
    assert hasher.finish().cid in seen


@pytest.mark.requirement("IP-4")
@given(st.binary(max_size=1000), st.binary(max_size=1000))
def test_only_the_named_bytes_are_verified(data: bytes, other: bytes) -> None:
    cid = cid_of(data)

    assert verify(data, cid)
    assert verify(other, cid) == (other == data)


def test_a_file_of_many_blocks_is_verified_in_both_versions() -> None:
    data = pattern(CHUNK_SIZE + 1)

    for layout in Layout:
        cid = cid_of(data, layout)
        assert verify(data, cid)
        assert not verify(data + b"\0", cid)


def test_a_raw_name_is_that_of_the_bytes_whatever_their_length() -> None:
    data = pattern(2 * CHUNK_SIZE)

    assert verify(data, Cid.of_block(data, Codec.RAW))


@pytest.mark.parametrize(
    ("block", "why"),
    [
        (b"\x0a\x02\x08\x01", "type 1 is not a file"),
        (b"", "type None is not a file"),
        (b"\x0a\x7f\x08", "ends inside a field"),
        (b"\xff", "ends inside a number"),
        (b"\x0d\x00\x00\x00\x00", "wire type 5"),
        (b"\x12\x02\x12\x00", "link without a CID"),
    ],
)
def test_a_block_that_is_no_file_is_refused(block: bytes, why: str) -> None:
    with pytest.raises(Permanent, match=why):
        decode_file(block)


def test_a_node_keeps_the_order_of_its_children() -> None:
    links = [Link(Cid.of_block(bytes([n]), Codec.RAW), 1, 1) for n in (3, 1, 2)]

    assert decode_file(encode_file(links)).children == tuple(link.cid for link in links)

"""A CAR carries blocks under our names, and nothing else can be read from it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mint_content.car import LARGEST_SECTION, CarReader, read_car, write_car
from mint_content.cid import Cid, Codec
from mint_content.protobuf import varint
from mint_content.unixfs import CHUNK_SIZE, Block, blocks_of, cid_of
from mint_resilience.failures import Permanent

DATA = bytes(range(256)) * 3000
BLOCKS = blocks_of(DATA)
ROOT = cid_of(DATA)
CAR = write_car([ROOT], BLOCKS)

SPECIFIED = (
    "38a265726f6f747381d82a5823001220fb16f5083412ef1371d031ed4aa239903d84efdadf1ba3cd678e6475b1a232"
    "f8677665727369"
)
"""The beginning of an archive with one version-0 root, put together by hand."""


@pytest.mark.requirement("IP-2")
def test_the_root_of_a_files_blocks_is_its_cid() -> None:
    assert BLOCKS[-1].cid == ROOT
    assert len(BLOCKS) == -(-len(DATA) // CHUNK_SIZE) + 1
    assert [block.cid for block in blocks_of(b"small")] == [cid_of(b"small")]


@given(st.lists(st.binary(max_size=50), max_size=5), st.integers(0, 3))
def test_what_was_written_is_read(contents: list[bytes], roots: int) -> None:
    blocks = [Block(Cid.of_block(data, Codec.RAW), data) for data in contents]
    chosen = [block.cid for block in blocks[:roots]]

    archive = read_car(write_car(chosen, blocks))

    assert archive.roots == tuple(chosen)
    assert archive.blocks == tuple(dict.fromkeys(blocks))


def test_the_header_is_as_specified() -> None:
    root = Cid(0, Codec.DAG_PB, bytes.fromhex(SPECIFIED[32:96]))

    assert write_car([root], []).hex().startswith(SPECIFIED)
    assert read_car(write_car([root], [])).roots == (root,)


@pytest.mark.requirement("IP-2")
def test_a_changed_block_is_noticed() -> None:
    changed = bytearray(CAR)
    changed[-1] ^= 1

    with pytest.raises(Permanent, match="are not baf"):
        read_car(bytes(changed))


@pytest.mark.parametrize(
    "damaged", [b"", CAR[:30], CAR[:-1], b"\x02hi", CAR.replace(b"n\x01", b"n\x02", 1)]
)
def test_a_damaged_archive_is_refused(damaged: bytes) -> None:
    with pytest.raises(Permanent):
        read_car(damaged)


def test_a_header_with_too_many_roots_is_not_written() -> None:
    with pytest.raises(ValueError, match="at most 23"):
        write_car([ROOT] * 24, [])


@given(st.lists(st.integers(1, len(CAR)), max_size=20))
def test_an_archive_is_read_alike_in_whatever_pieces_it_arrives(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(CAR)]
    reader = CarReader()

    blocks = [block for start, end in pairwise(edges) for block in reader.feed(CAR[start:end])]

    assert (reader.finish(), tuple(blocks)) == ((ROOT,), read_car(CAR).blocks)


def test_a_wrong_block_is_noticed_before_the_archive_ends() -> None:
    changed = bytearray(CAR)
    changed[1000] ^= 1

    with pytest.raises(Permanent, match="are not baf"):
        list(CarReader().feed(bytes(changed[: CHUNK_SIZE + 200])))


def test_a_section_of_a_size_that_no_block_has_is_refused_before_it_arrives() -> None:
    with pytest.raises(Permanent, match="at most"):
        list(CarReader().feed(write_car([ROOT], []) + varint(LARGEST_SECTION + 1)))

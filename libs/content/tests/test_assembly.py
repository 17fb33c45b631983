"""Blocks become the file that their root names, in whatever order they come."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mint_content.assembly import MOST_NODES, Assembly
from mint_content.cid import Cid, Codec
from mint_content.dagpb import Link, encode_file
from mint_content.unixfs import Block, FileHasher
from mint_resilience.failures import Permanent


def cut(data: bytes, chunk_size: int) -> tuple[Cid, list[Block]]:
    blocks: list[Block] = []
    hasher = FileHasher(sink=blocks.append, chunk_size=chunk_size)
    hasher.update(data)
    return hasher.finish().cid, list(dict.fromkeys(blocks))


def doubled(depth: int, leaf: bytes) -> list[Block]:
    """A tree of few blocks in which the leaf has 2^depth places; the root is the last."""
    blocks = [Block(Cid.of_block(leaf, Codec.RAW), leaf)]
    for _ in range(depth):
        child = Link(blocks[-1].cid, 0, 0)
        node = encode_file([child, child])
        blocks.append(Block(Cid.of_block(node, Codec.DAG_PB), node))
    return blocks


@given(st.binary(max_size=2000), st.integers(1, 700), st.randoms(use_true_random=False))
def test_blocks_become_the_file_in_any_order(data: bytes, chunk_size: int, random: Random) -> None:
    root, blocks = cut(data, chunk_size)
    random.shuffle(blocks)
    assembly = Assembly(root, size_limit=2000)

    for block in blocks:
        assembly.add(block)

    assert assembly.missing is None
    assert assembly.data() == data


def test_what_is_missing_is_named_in_the_order_of_the_file() -> None:
    root, blocks = cut(b"abc", 1)
    by_cid = {block.cid: block for block in blocks}
    assembly, asked = Assembly(root, size_limit=3), list[bytes]()

    while (cid := assembly.missing) is not None:
        asked.append(by_cid[cid].data)
        assembly.add(by_cid[cid])

    assert asked[1:] == [b"a", b"b", b"c"]


def test_only_what_was_named_is_wanted() -> None:
    root, blocks = cut(b"abc", 1)
    leaf, assembly = blocks[0].cid, Assembly(root, size_limit=3)
    assert (assembly.wants(root), assembly.wants(leaf)) == (True, False)

    assembly.add(blocks[-1])

    assert (assembly.wants(root), assembly.wants(leaf)) == (True, True)
    assert (assembly.holds(root), assembly.holds(leaf)) == (True, False)


@pytest.mark.requirement("IP-4")
@pytest.mark.parametrize("leaf", [b"", b"x"])
def test_a_tree_that_unfolds_without_end_is_left(leaf: bytes) -> None:
    last, *blocks = doubled(60, leaf)
    assembly = Assembly(blocks[-1].cid, size_limit=10 * MOST_NODES)
    for block in reversed(blocks):
        assembly.add(block)

    with pytest.raises(Permanent, match="more than 100000 nodes"):
        assembly.add(last)


def test_a_file_is_left_at_the_first_block_beyond_the_limit_wherever_it_belongs() -> None:
    root, blocks = cut(b"abcdef", 2)
    assembly = Assembly(root, size_limit=3)
    assembly.add(blocks[-1])
    assembly.add(blocks[2])

    with pytest.raises(Permanent, match="longer than 3 bytes"):
        assembly.add(blocks[1])

"""A store holds exactly the blocks of what is pinned."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mint_content.cid import Cid
from mint_content.unixfs import CHUNK_SIZE, Block, FileHasher, cid_of, read_file
from mint_sandbox.ipfs.blockstore import BlockMissing, BlockStore, Network, tree

FILES = [bytes([n]) * (CHUNK_SIZE * n + 1) for n in range(4)] + [bytes(CHUNK_SIZE * 2)]
"""Some share blocks: all zeros, and a chunk of ones and its remainder."""


def put(store: BlockStore, data: bytes) -> Cid:
    hasher = FileHasher(sink=store.put)
    hasher.update(data)
    return hasher.finish().cid


@pytest.fixture
def store() -> Iterator[BlockStore]:
    store = BlockStore()
    yield store
    store.close()


steps = st.lists(st.tuples(st.booleans(), st.sampled_from(range(len(FILES)))), max_size=20)


@settings(max_examples=50)
@given(steps)
def test_after_any_pins_and_unpins_the_blocks_are_those_of_the_pinned_files(
    steps: list[tuple[bool, int]],
) -> None:
    store, pinned = BlockStore(), set[int]()

    for pin, number in steps:
        if pin:
            store.pin(put(store, FILES[number]))
            pinned.add(number)
        else:
            assert store.unpin(cid_of(FILES[number])) == (number in pinned)
            pinned.discard(number)

    held = [tree(cid_of(FILES[number]), store.get) for number in pinned]
    assert store.usage().blocks == len(frozenset().union(*held))
    for number in pinned:
        assert read_file(cid_of(FILES[number]), store.get) == FILES[number]
    assert set(store.pins()) == {str(cid_of(FILES[number])) for number in pinned}
    store.close()


def test_a_file_with_a_missing_block_can_not_be_pinned(store: BlockStore) -> None:
    blocks: list[Block] = []
    hasher = FileHasher(sink=blocks.append)
    hasher.update(bytes(CHUNK_SIZE) + b"other")
    root = hasher.finish().cid
    for block in blocks[1:]:
        store.put(block)

    with pytest.raises(BlockMissing, match=str(blocks[0].cid)):
        store.pin(root)

    assert not store.is_pinned(root)


def test_the_network_finds_what_any_store_has_and_copies_it(store: BlockStore) -> None:
    other = BlockStore()
    root = put(other, FILES[2])
    network = Network(store, other)

    network.pin_into(store, root)
    other.close()

    assert Network(store).file(root) == FILES[2]


def test_what_no_store_has_is_missing(store: BlockStore) -> None:
    with pytest.raises(BlockMissing):
        Network(store).file(cid_of(b"nowhere"))

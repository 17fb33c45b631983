"""Files as IPFS stores them: cut into blocks, tied into a balanced tree, named by its root; and
folders over them.

The cut is Kubo's default (`ipfs add --cid-version=1`): chunks of 256 KiB, at most 174 links in a
node, all leaves at one depth. A file of one chunk is that one block. Sources: the UnixFS
specification (specs.ipfs.tech/unixfs) and `ipfs add --help`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256

from mint_content.cid import Cid, Codec
from mint_content.dagpb import Entry, Link, decode_file, encode_file, encode_folder, linked

CHUNK_SIZE = 256 * 1024
"""Bytes of a leaf."""

MAX_LINKS = 174
"""Children of an inner node."""


class Layout(Enum):
    """How leaves are stored, and with which CID version their names are written."""

    V1_RAW_LEAVES = 1
    V0_WRAPPED_LEAVES = 0


@dataclass(frozen=True, slots=True)
class Block:
    """Bytes under their own name."""

    cid: Cid
    data: bytes


BlockSink = Callable[[Block], None]


class FileHasher:
    """Names a file while it streams by; holds at most one chunk and the pending links.

    `sink` is handed every block as it is made, children before parents. `chunk_size` is in bytes;
    another than the default gives a larger file another name.
    """

    def __init__(
        self,
        layout: Layout = Layout.V1_RAW_LEAVES,
        sink: BlockSink | None = None,
        chunk_size: int = CHUNK_SIZE,
    ) -> None:
        self._layout = layout
        self._sink = sink
        self._chunk_size = chunk_size
        self._rest = bytearray()
        self._levels: list[list[Link]] = [[]]

    def update(self, data: bytes) -> None:
        """Take the file's next bytes, of any length."""
        self._rest += data
        while len(self._rest) > self._chunk_size:
            chunk = bytes(self._rest[: self._chunk_size])
            del self._rest[: self._chunk_size]
            self._add(0, self._leaf(chunk))

    def finish(self) -> Link:
        """End the file; its root, with the file's size and that of all blocks."""
        if self._rest or not self._levels[0]:
            self._add(0, self._leaf(bytes(self._rest)))
        level = 0
        while level < len(self._levels) - 1 or len(self._levels[level]) > 1:
            self._close(level)
            level += 1
        return self._levels[level][0]

    def _add(self, level: int, link: Link) -> None:
        if level == len(self._levels):
            self._levels.append([])
        if len(self._levels[level]) == MAX_LINKS:
            self._close(level)
        self._levels[level].append(link)

    def _close(self, level: int) -> None:
        links, self._levels[level] = self._levels[level], []
        self._add(level + 1, self._node(links))

    def _leaf(self, chunk: bytes) -> Link:
        if self._layout is Layout.V1_RAW_LEAVES:
            return Link(self._emit(chunk, Codec.RAW), len(chunk), len(chunk))
        block = encode_file((), chunk)
        return Link(self._emit(block, Codec.DAG_PB), len(chunk), len(block))

    def _node(self, links: list[Link]) -> Link:
        block = encode_file(links)
        return Link(
            self._emit(block, Codec.DAG_PB),
            sum(link.file_size for link in links),
            len(block) + sum(link.dag_size for link in links),
        )

    def _emit(self, block: bytes, codec: Codec) -> Cid:
        cid = Cid.of_block(block, codec, version=self._layout.value)
        if self._sink:
            self._sink(Block(cid, block))
        return cid


def cid_of(data: bytes, layout: Layout = Layout.V1_RAW_LEAVES) -> Cid:
    """Name a whole file."""
    hasher = FileHasher(layout)
    hasher.update(data)
    return hasher.finish().cid


def blocks_of(data: bytes) -> tuple[Block, ...]:
    """Cut a whole file into its blocks, children before parents: the last one is its root."""
    blocks: list[Block] = []
    hasher = FileHasher(sink=blocks.append)
    hasher.update(data)
    hasher.finish()
    return tuple(blocks)


def folder_block(entries: Iterable[Entry]) -> Block:
    """A folder of one block, whatever the order in which its entries are given."""
    data = encode_folder(entries)
    return Block(Cid.of_block(data, Codec.DAG_PB), data)


def verify(data: bytes, cid: Cid) -> bool:
    """Tell whether a file's bytes are those that the CID names.

    A raw CID names the bytes themselves; a dag-pb one a tree over them, which is built again by
    Kubo's default cut. A file that was cut otherwise is not recognised by its bytes alone: the
    answer is then no, and its blocks have to be looked at (`mint_content.download` does).
    """
    if cid.codec is Codec.RAW:
        return sha256(data).digest() == cid.digest
    return cid_of(data, Layout(cid.version)) == cid


def read_file(root: Cid, block_of: Callable[[Cid], bytes]) -> bytes:
    """Put a file together from its blocks; raises what `block_of` does, `Permanent` for no file."""
    block = block_of(root)
    if root.codec is Codec.RAW:
        return block
    node = decode_file(block)
    return node.data + b"".join(read_file(child, block_of) for child in node.children)


def children_of(block: Block) -> tuple[Cid, ...]:
    """The names that a block of a file or folder refers to, in order; none for a raw one."""
    return () if block.cid.codec is Codec.RAW else linked(block.data)

"""A file put together from its blocks, in whatever order they come. Pure.

Only blocks that bear their own names are given to it, so whatever it says of the content is true,
whoever the blocks come from.
"""

from __future__ import annotations

from mint_content.cid import Cid, Codec
from mint_content.dagpb import FileNode, decode_file
from mint_content.unixfs import Block
from mint_resilience.failures import Permanent

MOST_NODES = 100_000
"""Places in a tree. A tree can name one block in many places, so few bytes can make many."""


class Assembly:
    """One file in the making; holds each block once.

    `size_limit` is in bytes of the file.
    """

    def __init__(self, root: Cid, size_limit: int) -> None:
        self._size_limit = size_limit
        self._known: dict[Cid, FileNode] = {}
        self._named = {root}
        self._waiting = [root]
        self._pieces: list[bytes] = []
        self._held = 0
        self._size = 0
        self._nodes = 0

    @property
    def missing(self) -> Cid | None:
        """The block that comes next in the file; None when the file is whole."""
        return self._waiting[-1] if self._waiting else None

    def wants(self, cid: Cid) -> bool:
        """Whether the file has such a block, as far as is known."""
        return cid in self._named

    def holds(self, cid: Cid) -> bool:
        """Whether the block was added."""
        return cid in self._known

    def add(self, block: Block) -> None:
        """Take a block that is wanted and not held.

        Raises `Permanent` when the tree is no file, or the file longer than the limit.
        """
        node = _node(block)
        self._known[block.cid] = node
        self._named.update(node.children)
        self._held += len(node.data)
        self._require_bounds()  # whatever has been named is in the file once, or more often
        while self._waiting and (known := self._known.get(self._waiting[-1])) is not None:
            self._waiting.pop()
            self._place(known)

    def data(self) -> bytes:
        """The whole file; call it when nothing is missing."""
        return b"".join(self._pieces)

    def _place(self, node: FileNode) -> None:
        self._pieces.append(node.data)
        self._waiting += reversed(node.children)
        self._size += len(node.data)
        self._nodes += 1
        self._require_bounds()

    def _require_bounds(self) -> None:
        if max(self._held, self._size) > self._size_limit:
            raise Permanent(f"the content is longer than {self._size_limit} bytes")
        if max(len(self._named), self._nodes + len(self._waiting)) > MOST_NODES:
            raise Permanent(f"the content's tree has more than {MOST_NODES} nodes")


def _node(block: Block) -> FileNode:
    if block.cid.codec is Codec.RAW:
        return FileNode((), block.data)
    return decode_file(block.data)

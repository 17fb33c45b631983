"""Blocks under their CIDs, and the pins that keep them.

A pin keeps a root and all blocks below it. A block that no pin keeps any more is dropped at once,
as if a collector ran after every unpin. One SQLite file, or memory.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from mint_content.cid import Cid, Codec
from mint_content.dagpb import decode_folder, is_folder
from mint_content.unixfs import Block, children_of, read_file

_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
CREATE TABLE IF NOT EXISTS block (cid TEXT PRIMARY KEY, data BLOB NOT NULL, pins INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS pin (cid TEXT PRIMARY KEY);
"""


class BlockMissing(Exception):  # noqa: N818 - a block is missing, nothing went wrong
    """A block is not in the store."""

    def __init__(self, cid: Cid) -> None:
        super().__init__(f"block was not found locally: {cid}")


@dataclass(frozen=True, slots=True)
class Usage:
    """How many blocks a store holds, and their bytes."""

    blocks: int
    size: int


def connect(path: Path | None) -> sqlite3.Connection:
    """Open a database in which each statement is its own transaction; None means memory."""
    return sqlite3.connect(path or ":memory:", isolation_level=None)


class BlockStore:
    """One provider's blocks and pins."""

    def __init__(self, path: Path | None = None) -> None:
        self._db = connect(path)
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the store; one in memory is gone then."""
        self._db.close()

    def put(self, block: Block) -> None:
        """Keep a block; a second time does nothing."""
        row = (str(block.cid), block.data)
        self._db.execute("INSERT OR IGNORE INTO block VALUES (?, ?, 0)", row)

    def get(self, cid: Cid) -> bytes:
        """One block's bytes; raises `BlockMissing`."""
        row = self._db.execute("SELECT data FROM block WHERE cid = ?", (str(cid),)).fetchone()
        if row is None:
            raise BlockMissing(cid)
        return bytes(row[0])

    def pin(self, root: Cid) -> None:
        """Keep a whole file; a second time does nothing. Raises `BlockMissing` when incomplete."""
        if not self.is_pinned(root):
            self._count(tree(root, self.get), +1)
            self._db.execute("INSERT INTO pin VALUES (?)", (str(root),))

    def unpin(self, root: Cid) -> bool:
        """Let a file go, with the blocks that no other pin keeps; False when it was not pinned."""
        if not self.is_pinned(root):
            return False
        self._count(tree(root, self.get), -1)
        self._db.execute("DELETE FROM pin WHERE cid = ?", (str(root),))
        return True

    def is_pinned(self, root: Cid) -> bool:
        """Tell whether this very root is pinned."""
        row = self._db.execute("SELECT 1 FROM pin WHERE cid = ?", (str(root),)).fetchone()
        return row is not None

    def pins(self) -> tuple[str, ...]:
        """All pinned roots."""
        return tuple(cid for (cid,) in self._db.execute("SELECT cid FROM pin ORDER BY cid"))

    def usage(self) -> Usage:
        """What the store holds."""
        row = self._db.execute("SELECT count(*), coalesce(sum(length(data)), 0) FROM block")
        return Usage(*row.fetchone())

    def _count(self, cids: Iterable[Cid], change: int) -> None:
        rows = [(change, str(cid)) for cid in cids]
        self._db.executemany("UPDATE block SET pins = pins + ? WHERE cid = ?", rows)
        dropped = [(cid,) for _, cid in rows] if change < 0 else []
        self._db.executemany("DELETE FROM block WHERE cid = ? AND pins = 0", dropped)


class Network:
    """All that can be found: the blocks of every public store."""

    def __init__(self, *stores: BlockStore) -> None:
        self._stores = stores

    def block(self, cid: Cid) -> bytes:
        """One block from whichever store has it; raises `BlockMissing`."""
        for store in self._stores:
            try:
                return store.get(cid)
            except BlockMissing:
                continue
        raise BlockMissing(cid)

    def file(self, root: Cid) -> bytes:
        """A whole file; raises `BlockMissing` when any of its blocks is nowhere."""
        return read_file(root, self.block)

    def is_folder(self, root: Cid) -> bool:
        """Tell a folder from a file; raises `BlockMissing`."""
        return root.codec is Codec.DAG_PB and is_folder(self.block(root))

    def sizes(self, root: Cid) -> tuple[int, ...]:
        """The sizes of a folder's files, or of one file; raises `BlockMissing`."""
        return file_sizes(root, self.block)

    def another(self, root: Cid) -> Cid:
        """A file that is pinned somewhere and is not this one; itself if there is no other."""
        pinned = (Cid.parse(pin) for store in self._stores for pin in store.pins())
        return next((cid for cid in pinned if cid != root), root)

    def pin_into(self, store: BlockStore, root: Cid) -> None:
        """Copy a file into a store and pin it there; raises `BlockMissing`."""
        for cid in tree(root, self.block):
            store.put(Block(cid, self.block(cid)))
        store.pin(root)


def file_sizes(root: Cid, block_of: Callable[[Cid], bytes]) -> tuple[int, ...]:
    """The sizes of all files in a folder, or of the one that it is; raises what `block_of` does."""
    block = block_of(root)
    if root.codec is Codec.DAG_PB and is_folder(block):
        within = (file_sizes(entry.cid, block_of) for entry in decode_folder(block))
        return tuple(chain.from_iterable(within))
    return (len(read_file(root, block_of)),)


def tree(root: Cid, block_of: Callable[[Cid], bytes]) -> frozenset[Cid]:
    """The names of all blocks of a file or folder, each once; raises what `block_of` does."""
    found: set[Cid] = set()
    waiting = [root]
    while waiting:
        cid = waiting.pop()
        if cid not in found:
            found.add(cid)
            waiting.extend(children_of(Block(cid, block_of(cid))))
    return frozenset(found)

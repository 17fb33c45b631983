"""Contents of several mints under one root, so that one upload and one pin keep them all. Pure.

Each content keeps its own CID: a folder only refers to it. Entries are named by their CIDs, so the
folder's own name follows from what is in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ipfs_uploader.assets import Content
from mint_content.car import write_car
from mint_content.cid import Cid
from mint_content.dagpb import Entry
from mint_content.unixfs import Block, blocks_of, folder_block

MOST_ITEMS = 1000
"""Entries of a folder: one of 2 400 would pass the 256 KiB above which nodes shard folders."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Contents, the name they are listed under together, and their blocks below the root."""

    contents: tuple[Content, ...]
    cid: Cid
    blocks: tuple[Block, ...] = field(repr=False)

    @property
    def name(self) -> str:
        """What a person finds it by."""
        return f"{self.contents[0].name} and {len(self.contents) - 1} more"

    def archive(self) -> bytes:
        """All of it as a CAR."""
        return write_car([self.cid], self.blocks)


def folder_of(contents: Iterable[Content]) -> Folder:
    """Put contents into a folder; the same content twice is in it once."""
    unique = {content.cid: content for content in contents}
    files = {cid: blocks_of(content.data) for cid, content in unique.items()}
    root = folder_block(
        Entry(str(cid), cid, sum(len(block.data) for block in blocks))
        for cid, blocks in files.items()
    )
    blocks = (root, *(block for of_file in files.values() for block in of_file))
    return Folder(tuple(unique.values()), root.cid, blocks)

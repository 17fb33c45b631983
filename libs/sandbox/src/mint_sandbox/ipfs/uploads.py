"""A file out of a multipart body, hashed while it arrives."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import BodyPartReader

from mint_content.dagpb import Link
from mint_content.unixfs import Block, FileHasher, Layout
from mint_sandbox.ipfs.blockstore import BlockStore


@dataclass(frozen=True, slots=True)
class Upload:
    """One file of a request: its name, media type, root, and the blocks it became."""

    name: str
    media_type: str
    root: Link
    blocks: tuple[Block, ...]

    def pin_into(self, store: BlockStore) -> None:
        """Keep the file in a store."""
        self.put_into(store)
        store.pin(self.root.cid)

    def put_into(self, store: BlockStore) -> None:
        """Lay the blocks into a store without a pin."""
        for block in self.blocks:
            store.put(block)


async def receive(part: BodyPartReader, layout: Layout = Layout.V1_RAW_LEAVES) -> Upload:
    """Read one file part to its end."""
    blocks: list[Block] = []
    hasher = FileHasher(layout, blocks.append)
    while piece := await part.read_chunk(64 * 1024):
        hasher.update(part.decode(piece))
    media_type = part.headers.get("Content-Type", "application/octet-stream")
    return Upload(part.filename or "file", media_type, hasher.finish(), tuple(blocks))

"""A file out of a multipart body, hashed while it arrives; and what an archive of blocks holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aiohttp import BodyPartReader

from mint_content.car import read_car
from mint_content.cid import Cid
from mint_content.dagpb import Link
from mint_content.unixfs import CHUNK_SIZE, Block, FileHasher, Layout, read_file
from mint_resilience.failures import Permanent
from mint_sandbox.ipfs.blockstore import BlockStore, file_sizes

_ANY_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Upload:
    """What a request brings: its name, media type, root, blocks, and the files below the root."""

    name: str
    media_type: str
    root: Link
    blocks: tuple[Block, ...]
    files: int = 1

    def pin_into(self, store: BlockStore) -> None:
        """Keep the file in a store."""
        self.put_into(store)
        store.pin(self.root.cid)

    def put_into(self, store: BlockStore) -> None:
        """Lay the blocks into a store without a pin."""
        for block in self.blocks:
            store.put(block)

    def read(self) -> bytes:
        """The file's bytes; raises `Permanent` when a block is missing, or it is no file."""
        return read_file(self.root.cid, _lookup(self.blocks))

    def unpacked(self) -> Upload:
        """What this CAR archive holds; raises `Permanent` when it is none, or has not one root."""
        archive = read_car(self.read())
        if len(archive.roots) != 1:
            raise Permanent(f"the CAR has {len(archive.roots)} roots: expected one")
        dag_size = sum(len(block.data) for block in archive.blocks)
        sizes = file_sizes(archive.roots[0], _lookup(archive.blocks))
        root = Link(archive.roots[0], sum(sizes), dag_size)
        return Upload(self.name, _ANY_TYPE, root, archive.blocks, files=len(sizes))

    def cut_by(self, layout: Layout) -> Upload:
        """The same file cut and named in another way."""
        blocks: list[Block] = []
        hasher = FileHasher(layout, blocks.append)
        hasher.update(self.read())
        return Upload(self.name, self.media_type, hasher.finish(), tuple(blocks))


def _lookup(blocks: Iterable[Block]) -> Callable[[Cid], bytes]:
    """A function from a block's name to its bytes, which raises `Permanent` for any other name."""
    known = {block.cid: block.data for block in blocks}

    def block_of(cid: Cid) -> bytes:
        if cid not in known:
            raise Permanent(f"the upload has no block {cid}")
        return known[cid]

    return block_of


async def receive(
    part: BodyPartReader, layout: Layout = Layout.V1_RAW_LEAVES, chunk_size: int = CHUNK_SIZE
) -> Upload:
    """Read one file part to its end."""
    blocks: list[Block] = []
    hasher = FileHasher(layout, blocks.append, chunk_size)
    while piece := await part.read_chunk(64 * 1024):
        hasher.update(part.decode(piece))
    media_type = part.headers.get("Content-Type", _ANY_TYPE)
    return Upload(part.filename or "file", media_type, hasher.finish(), tuple(blocks))

"""CAR archives: a root's blocks in one stream, so that whoever imports them can not cut them anew.

Source: ipld.io/specs/transport/car/carv1. The header is DAG-CBOR of `roots` and `version`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mint_content.cid import SHA2_256_PREFIX, Cid
from mint_content.protobuf import read_varint, varint
from mint_content.unixfs import Block
from mint_resilience.failures import Permanent

MEDIA_TYPE = "application/vnd.ipld.car"

_MOST_ROOTS = 23  # what fits into CBOR's short array header
_ROOTS_KEY = b"\xa2\x65roots"
_VERSION_1 = b"\x67version\x01"
_CID_TAG = b"\xd8\x2a\x58"
_IDENTITY_BASE = b"\x00"
_DIGEST_SIZE = 32


@dataclass(frozen=True, slots=True)
class Archive:
    """What a CAR holds; every block is the one that its CID names."""

    roots: tuple[Cid, ...]
    blocks: tuple[Block, ...]


def write_car(roots: Iterable[Cid], blocks: Iterable[Block]) -> bytes:
    """Write an archive; a block that comes twice is written once.

    Raises `ValueError` for more than 23 roots.
    """
    unique = {block.cid: block for block in blocks}
    return b"".join((_section(_header(tuple(roots))), *map(_block, unique.values())))


def read_car(data: bytes) -> Archive:
    """Read an archive; raises `Permanent` when it is malformed or a block is not what it says."""
    sections = _sections(data)
    header = next(sections, None)
    if header is None:
        raise Permanent("CAR without a header")
    roots = _roots(header)
    return Archive(roots, tuple(map(_checked_block, sections)))


def _section(content: bytes) -> bytes:
    return varint(len(content)) + content


def _header(roots: tuple[Cid, ...]) -> bytes:
    if len(roots) > _MOST_ROOTS:
        raise ValueError(f"a CAR of {len(roots)} roots: at most {_MOST_ROOTS} can be written")
    return b"".join((_ROOTS_KEY, bytes((0x80 + len(roots),)), *map(_link, roots), _VERSION_1))


def _link(cid: Cid) -> bytes:
    binary = _IDENTITY_BASE + cid.to_bytes()
    return _CID_TAG + bytes((len(binary),)) + binary


def _block(block: Block) -> bytes:
    return _section(block.cid.to_bytes() + block.data)


def _sections(data: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(data):
        size, position = read_varint(data, position)
        if position + size > len(data):
            raise Permanent("CAR ends inside a section")
        yield data[position : position + size]
        position += size


def _roots(header: bytes) -> tuple[Cid, ...]:
    start, end = len(_ROOTS_KEY), len(header) - len(_VERSION_1)
    if not header.startswith(_ROOTS_KEY) or header[end:] != _VERSION_1 or end <= start:
        raise Permanent(f"not the header of a CAR of version 1: {header[:64].hex()}")
    count, links = header[start] - 0x80, header[start + 1 : end]
    roots = tuple(_split_links(links))
    if len(roots) != count:
        raise Permanent(f"CAR header of {len(roots)} roots that speaks of {count}")
    return roots


def _split_links(links: bytes) -> Iterator[Cid]:
    position = 0
    while position < len(links):
        tag, size = links[position : position + 3], links[position + 3 : position + 4]
        start = position + 4
        if tag != _CID_TAG or not size or links[start : start + 1] != _IDENTITY_BASE:
            raise Permanent(f"not a link in the header of a CAR: {links[position:].hex()}")
        position = start + size[0]
        yield Cid.from_bytes(links[start + 1 : position])


def _checked_block(section: bytes) -> Block:
    size = _cid_size(section)
    cid, data = Cid.from_bytes(section[:size]), section[size:]
    if not cid.names(data):
        raise Permanent(f"CAR with {len(data)} bytes that are not {cid}")
    return Block(cid, data)


def _cid_size(section: bytes) -> int:
    multihash = len(SHA2_256_PREFIX) + _DIGEST_SIZE
    return multihash if section.startswith(SHA2_256_PREFIX) else 2 + multihash

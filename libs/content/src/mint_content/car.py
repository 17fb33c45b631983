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

LARGEST_SECTION = 4 * 1024 * 1024
"""Bytes of one block with its CID; the network moves blocks of up to 2 MiB (bitswap)."""

_MOST_ROOTS = 23  # what fits into CBOR's short array header
_ROOTS_KEY = b"\xa2\x65roots"
_VERSION_1 = b"\x67version\x01"
_CID_TAG = b"\xd8\x2a\x58"
_IDENTITY_BASE = b"\x00"
_DIGEST_SIZE = 32
_LONGEST_VARINT = 10


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
    reader = CarReader()
    blocks = tuple(reader.feed(data))
    return Archive(reader.finish(), blocks)


class CarReader:
    """Reads an archive as it arrives; holds no more than one unfinished section."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._roots: tuple[Cid, ...] | None = None

    def feed(self, data: bytes) -> Iterator[Block]:
        """The blocks that these next bytes complete.

        Raises `Permanent` when the archive is malformed or a block is not what it says.
        """
        self._rest += data
        while (section := self._next_section()) is not None:
            if self._roots is None:
                self._roots = _roots(section)
            else:
                yield _checked_block(section)

    def finish(self) -> tuple[Cid, ...]:
        """The roots, at the archive's end; raises `Permanent` when it is not whole."""
        if self._rest:
            raise Permanent("CAR ends inside a section")
        if self._roots is None:
            raise Permanent("CAR without a header")
        return self._roots

    def _next_section(self) -> bytes | None:
        head = bytes(self._rest[:_LONGEST_VARINT])
        if len(head) < _LONGEST_VARINT and all(byte & 0x80 for byte in head):
            return None  # the length itself is not all there
        size, start = read_varint(head, 0)
        if size > LARGEST_SECTION:
            raise Permanent(f"CAR with a section of {size} bytes; at most {LARGEST_SECTION}")
        if start + size > len(self._rest):
            return None
        section = bytes(self._rest[start : start + size])
        del self._rest[: start + size]
        return section


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

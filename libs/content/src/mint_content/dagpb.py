"""Nodes of an IPFS file: dag-pb links around a UnixFS header.

Sources: ipld.io/specs/codecs/dag-pb/spec and the UnixFS specification (specs.ipfs.tech/unixfs).
Bytes are written in dag-pb's canonical order, links before data, so that equal nodes have
equal CIDs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mint_content.cid import Cid
from mint_content.protobuf import bytes_field, fields, number_field
from mint_resilience.failures import Permanent

_UNIXFS_RAW, _UNIXFS_FILE = 0, 2


@dataclass(frozen=True, slots=True)
class Link:
    """One child: its name, the bytes of the file below it, the bytes of all blocks below it."""

    cid: Cid
    file_size: int
    dag_size: int


@dataclass(frozen=True, slots=True)
class FileNode:
    """What a reader needs of a node: its children in order, and the bytes it holds itself."""

    children: tuple[Cid, ...]
    data: bytes


def encode_file(links: Sequence[Link], data: bytes = b"") -> bytes:
    """Encode one file node; an inner one has links, a leaf has data."""
    return b"".join(map(_link, links)) + bytes_field(1, _unixfs_file(links, data))


def decode_file(block: bytes) -> FileNode:
    """Read one file node; raises `Permanent` when it is not a file, or malformed."""
    children: list[Cid] = []
    header = b""
    for field, value in fields(block):
        if field == 2 and isinstance(value, bytes):
            children.append(_linked_cid(value))
        elif field == 1 and isinstance(value, bytes):
            header = value
    return FileNode(tuple(children), _file_data(header))


def _link(link: Link) -> bytes:
    name = bytes_field(2, b"")
    encoded = bytes_field(1, link.cid.to_bytes()) + name + number_field(3, link.dag_size)
    return bytes_field(2, encoded)


def _unixfs_file(links: Sequence[Link], data: bytes) -> bytes:
    size = len(data) + sum(link.file_size for link in links)
    held = bytes_field(2, data) if data else b""
    sizes = b"".join(number_field(4, link.file_size) for link in links)
    return number_field(1, _UNIXFS_FILE) + held + number_field(3, size) + sizes


def _linked_cid(link: bytes) -> Cid:
    binary = dict(fields(link)).get(1)
    if not isinstance(binary, bytes):
        raise Permanent("dag-pb link without a CID")
    return Cid.from_bytes(binary)


def _file_data(header: bytes) -> bytes:
    values = dict(fields(header))
    if values.get(1) not in (_UNIXFS_RAW, _UNIXFS_FILE):
        raise Permanent(f"UnixFS type {values.get(1)!r} is not a file")
    data = values.get(2, b"")
    return data if isinstance(data, bytes) else b""

"""Nodes of IPFS files and folders: dag-pb links around a UnixFS header.

Sources: ipld.io/specs/codecs/dag-pb/spec and the UnixFS specification (specs.ipfs.tech/unixfs).
Bytes are written in dag-pb's canonical order, links before data, so that equal nodes have
equal CIDs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mint_content.cid import Cid
from mint_content.protobuf import bytes_field, fields, number_field
from mint_resilience.failures import Permanent

_UNIXFS_RAW, _UNIXFS_DIRECTORY, _UNIXFS_FILE = 0, 1, 2
_DIRECTORY_HEADER = number_field(1, _UNIXFS_DIRECTORY)


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


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a folder; `dag_size` are the bytes of all blocks below it."""

    name: str
    cid: Cid
    dag_size: int


def encode_file(links: Sequence[Link], data: bytes = b"") -> bytes:
    """Encode one file node; an inner one has links, a leaf has data."""
    return b"".join(map(_link, links)) + bytes_field(1, _unixfs_file(links, data))


def decode_file(block: bytes) -> FileNode:
    """Read one file node; raises `Permanent` when it is not a file, or malformed."""
    return FileNode(linked(block), _file_data(_header(block)))


def encode_folder(entries: Iterable[Entry]) -> bytes:
    """Encode a folder of one block, whose entries are sorted by the bytes of their names.

    Kubo shards a folder of more than 256 KiB (some 2 400 entries with CIDs as names) into several
    blocks; this does not.
    """
    ordered = sorted(entries, key=lambda entry: entry.name.encode())
    links = (_pb_link(entry.cid, entry.name.encode(), entry.dag_size) for entry in ordered)
    return b"".join(links) + bytes_field(1, _DIRECTORY_HEADER)


def decode_folder(block: bytes) -> tuple[Entry, ...]:
    """Read a folder of one block; raises `Permanent` when it is none, or malformed."""
    if not is_folder(block):
        raise Permanent("the block is no folder of one block")
    return tuple(_entry(link) for link in _pb_links(block))


def is_folder(block: bytes) -> bool:
    """Tell a folder of one block from every other node; raises `Permanent` when malformed."""
    return dict(fields(_header(block))).get(1) == _UNIXFS_DIRECTORY


def linked(block: bytes) -> tuple[Cid, ...]:
    """What a node of any kind refers to, in order; raises `Permanent` when it is malformed."""
    return tuple(_linked_cid(link) for link in _pb_links(block))


def _pb_links(block: bytes) -> Iterator[bytes]:
    return (value for field, value in fields(block) if field == 2 and isinstance(value, bytes))


def _header(block: bytes) -> bytes:
    header = dict(fields(block)).get(1)
    return header if isinstance(header, bytes) else b""


def _link(link: Link) -> bytes:
    return _pb_link(link.cid, b"", link.dag_size)


def _pb_link(cid: Cid, name: bytes, dag_size: int) -> bytes:
    encoded = bytes_field(1, cid.to_bytes()) + bytes_field(2, name) + number_field(3, dag_size)
    return bytes_field(2, encoded)


def _entry(link: bytes) -> Entry:
    values = dict(fields(link))
    name, dag_size = values.get(2, b""), values.get(3, 0)
    if not isinstance(name, bytes) or not isinstance(dag_size, int):
        raise Permanent("dag-pb link whose name or size is of another type")
    return Entry(_text(name), _linked_cid(link), dag_size)


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError as error:
        raise Permanent(f"the folder's entry {name!r} is not UTF-8") from error


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

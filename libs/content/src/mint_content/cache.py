"""Verified content kept at hand, the least recently used given up first (IP-5).

What is kept here was verified when it came. That it is here says nothing of whether anybody else
can get it: who looks for that asks the gateways.
"""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from mint_content.cid import Cid

_DIGEST_SIZE = 32


class ContentCache(Protocol):
    """Where content is looked for before anybody is asked."""

    async def get(self, cid: Cid) -> bytes | None:
        """The content, or None when it is not kept."""

    async def put(self, cid: Cid, data: bytes) -> None:
        """Keep content that was verified, as long as there is room."""


class LeastRecentlyUsed:
    """Sizes by name, the least recently used first; says who has to go. Pure."""

    def __init__(self, size_limit: int) -> None:
        self._limit = size_limit
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._total = 0

    def touch(self, name: str) -> None:
        """Note a use; of a name that is not held it is no use."""
        if name in self._sizes:
            self._sizes.move_to_end(name)

    def admit(self, name: str, size: int) -> tuple[str, ...] | None:
        """Enter a name; the names that make room for it, or None when it is too large to enter."""
        if size > self._limit:
            return None
        self.drop(name)
        self._sizes[name] = size
        self._total += size
        leaving = []
        while self._total > self._limit:
            oldest = next(iter(self._sizes))
            self.drop(oldest)
            leaving.append(oldest)
        return tuple(leaving)

    def drop(self, name: str) -> None:
        """Remove a name, if it is held."""
        self._total -= self._sizes.pop(name, 0)


class MemoryCache:
    """Content in memory, at most `size_limit` bytes of it."""

    def __init__(self, size_limit: int) -> None:
        self._order = LeastRecentlyUsed(size_limit)
        self._held: dict[str, bytes] = {}

    async def get(self, cid: Cid) -> bytes | None:
        """The content, or None when it is not kept."""
        self._order.touch(str(cid))
        return self._held.get(str(cid))

    async def put(self, cid: Cid, data: bytes) -> None:
        """Keep content that was verified, as long as there is room."""
        leaving = self._order.admit(str(cid), len(data))
        if leaving is not None:
            self._held[str(cid)] = data
            for name in leaving:
                del self._held[name]


class FolderCache:
    """Content in files of a folder, at most `size_limit` bytes of it; it outlives the process.

    The folder is made if it is missing, and is one process's own. A file carries the hash of its
    content: one that was damaged is removed and counts as missing.
    """

    def __init__(self, folder: Path, size_limit: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._order = LeastRecentlyUsed(size_limit)
        for file in sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime_ns):
            self._remove(self._order.admit(file.name, file.stat().st_size) or ())

    async def get(self, cid: Cid) -> bytes | None:
        """The content, or None when it is not kept. Raises `OSError`."""
        self._order.touch(str(cid))
        return await asyncio.to_thread(self._read, self._folder / str(cid))

    async def put(self, cid: Cid, data: bytes) -> None:
        """Keep content that was verified, as long as there is room. Raises `OSError`."""
        leaving = self._order.admit(str(cid), len(data) + _DIGEST_SIZE)
        if leaving is not None:
            await asyncio.to_thread(self._write, self._folder / str(cid), data)
            await asyncio.to_thread(self._remove, leaving)

    def _read(self, file: Path) -> bytes | None:
        if not file.exists():
            return None
        kept = file.read_bytes()
        digest, data = kept[:_DIGEST_SIZE], kept[_DIGEST_SIZE:]
        if sha256(data).digest() != digest:
            self._order.drop(file.name)
            file.unlink()
            return None
        os.utime(file)  # the order of use, for the next process
        return data

    def _write(self, file: Path, data: bytes) -> None:
        part = file.with_suffix(".part")
        part.write_bytes(sha256(data).digest() + data)
        part.replace(file)

    def _remove(self, names: tuple[str, ...]) -> None:
        for name in names:
            (self._folder / name).unlink(missing_ok=True)

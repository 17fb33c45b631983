"""The transactions that landed, in order, and which addresses each one mentioned. Pure.

It grows with every transaction, so each one is kept small: its bytes, and its metadata compressed.
"""

from __future__ import annotations

import json
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from solders.pubkey import Pubkey
from solders.signature import Signature


@dataclass(frozen=True, slots=True)
class Landed:
    """A transaction in a block: `time` is the block's (Unix seconds), `err` None on success."""

    signature: Signature
    slot: int
    time: int
    err: Any
    memo: str | None
    raw: bytes
    packed_meta: bytes

    @property
    def meta(self) -> dict[str, Any]:
        """Fee, balances, logs and the rest, in the form of `getTransaction`."""
        meta: dict[str, Any] = json.loads(zlib.decompress(self.packed_meta))
        return meta


def pack(meta: dict[str, Any]) -> bytes:
    """Compress a transaction's metadata for keeping."""
    return zlib.compress(json.dumps(meta, separators=(",", ":")).encode(), level=1)


class History:
    """Landed transactions by signature, by address and by order of landing."""

    def __init__(self) -> None:
        self._landed: list[Landed] = []
        self._position: dict[Signature, int] = {}
        self._mentions: defaultdict[Pubkey, array[int]] = defaultdict(_no_positions)

    def __len__(self) -> int:
        """How many transactions have landed."""
        return len(self._landed)

    def add(self, landed: Landed, mentioned: Iterable[Pubkey]) -> None:
        """Note the next transaction and the addresses that it mentions."""
        position = len(self._landed)
        self._landed.append(landed)
        self._position[landed.signature] = position
        for key in set(mentioned):
            self._mentions[key].append(position)

    def get(self, signature: Signature) -> Landed | None:
        """The landed transaction of that signature."""
        position = self._position.get(signature)
        return None if position is None else self._landed[position]

    def count(self, slot: int) -> int:
        """How many had landed at the end of that slot."""
        return bisect_right(self._landed, slot, key=lambda landed: landed.slot)

    def since(self, position: int) -> list[Landed]:
        """What landed from `position` on (0 is the first), in order."""
        return self._landed[position:]

    def mentioned(self) -> Iterable[Pubkey]:
        """Every address that a transaction has mentioned."""
        return self._mentions.keys()

    def mentions(self, landed: Landed, key: Pubkey) -> bool:
        """Whether the landed transaction mentions the address."""
        positions = self._mentions.get(key, _no_positions())
        position = self._position[landed.signature]
        index = bisect_left(positions, position)
        return index < len(positions) and positions[index] == position

    def mentioning(self, key: Pubkey) -> Iterator[Landed]:
        """The transactions that mention the address, newest first."""
        return (self._landed[position] for position in reversed(self._mentions.get(key, ())))


def _no_positions() -> array[int]:
    return array("L")

"""Borsh, as far as Token Metadata needs it (source: borsh.io, the specification)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from solders.pubkey import Pubkey

from mint_resilience.failures import Conflict

T = TypeVar("T")

_ADDRESS_BYTES = 32


def u8(value: int) -> bytes:
    """One byte. Raises `OverflowError` when the value does not fit."""
    return value.to_bytes(1, "little")


def u16(value: int) -> bytes:
    """Two bytes, little-endian. Raises `OverflowError` when the value does not fit."""
    return value.to_bytes(2, "little")


def u32(value: int) -> bytes:
    """Four bytes, little-endian. Raises `OverflowError` when the value does not fit."""
    return value.to_bytes(4, "little")


def u64(value: int) -> bytes:
    """Eight bytes, little-endian. Raises `OverflowError` when the value does not fit."""
    return value.to_bytes(8, "little")


def boolean(value: bool) -> bytes:
    """One byte, 0 or 1."""
    return u8(int(value))


def string(text: str) -> bytes:
    """Length in bytes as u32, then the UTF-8."""
    raw = text.encode()
    return u32(len(raw)) + raw


def vector(items: Iterable[bytes]) -> bytes:
    """Number of items as u32, then the items."""
    packed = list(items)
    return u32(len(packed)) + b"".join(packed)


def option(packed: bytes | None) -> bytes:
    """0 for None, else 1 and the value."""
    return u8(0) if packed is None else u8(1) + packed


class Reader:
    """Reads packed values in order; raises `Conflict` on what the type does not allow."""

    def __init__(self, data: bytes, *, of: str) -> None:
        """Read `data`; `of` names it in error messages."""
        self._data = data
        self._of = of
        self._at = 0

    def u8(self) -> int:
        """One byte."""
        return self._integer(1)

    def u16(self) -> int:
        """Two bytes."""
        return self._integer(2)

    def u64(self) -> int:
        """Eight bytes."""
        return self._integer(8)

    def boolean(self) -> bool:
        """One byte that is 0 or 1."""
        return self._flag("boolean")

    def address(self) -> Pubkey:
        """32 bytes."""
        return Pubkey.from_bytes(self._take(_ADDRESS_BYTES))

    def string(self) -> str:
        """A string as Token Metadata stores it: the zero bytes that pad it are cut off."""
        start = self._at
        raw = self._take(self._integer(4))
        try:
            return raw.decode().rstrip("\0")
        except UnicodeDecodeError as error:
            raise self._unexpected(start, f"string is not UTF-8 ({error})") from error

    def vector(self, item: Callable[[], T]) -> tuple[T, ...]:
        """A counted list of items."""
        return tuple(item() for _ in range(self._integer(4)))

    def option(self, item: Callable[[], T]) -> T | None:
        """An item, or None."""
        return item() if self._flag("option") else None

    def _integer(self, size: int) -> int:
        return int.from_bytes(self._take(size), "little")

    def _flag(self, kind: str) -> bool:
        start = self._at
        value = self._integer(1)
        if value > 1:
            raise self._unexpected(start, f"{kind} is {value}, neither 0 nor 1")
        return value == 1

    def _take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._data):
            raise self._unexpected(self._at, f"{size} bytes wanted, {len(self._data)} in all")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def _unexpected(self, at: int, what: str) -> Conflict:
        return Conflict(f"{self._of}: byte {at}: {what}")

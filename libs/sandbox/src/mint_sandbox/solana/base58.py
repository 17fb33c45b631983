"""Base58 with Bitcoin's alphabet, as Solana writes transactions, instruction data and filters."""

from __future__ import annotations

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_CHUNK_DIGITS = 10  # that many fit into a machine word: divide the long number more rarely
_CHUNK = 58**_CHUNK_DIGITS
_VALUE = {char: value for value, char in enumerate(_ALPHABET)}


def encode(data: bytes) -> str:
    """Write bytes; each leading zero byte becomes a `1`."""
    zeros = len(data) - len(data.lstrip(b"\0"))
    number, digits = int.from_bytes(data, "big"), []
    while number:
        number, chunk = divmod(number, _CHUNK)
        for _ in range(_CHUNK_DIGITS):
            chunk, digit = divmod(chunk, 58)
            digits.append(_ALPHABET[digit])
    return _ALPHABET[0] * zeros + "".join(reversed(digits)).lstrip(_ALPHABET[0])


def decode(text: str) -> bytes:
    """Read what `encode` writes; raises ValueError on a character outside the alphabet."""
    number = 0
    for char in text:
        if char not in _VALUE:
            raise ValueError(f"{char!r} is not a base58 character")
        number = number * 58 + _VALUE[char]
    zeros = len(text) - len(text.lstrip(_ALPHABET[0]))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")

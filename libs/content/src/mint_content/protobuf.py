"""The four rules of protobuf's wire format that dag-pb and UnixFS need.

Source: protobuf.dev/programming-guides/encoding. Only wire types 0 (varint) and 2 (bytes) occur.
"""

from __future__ import annotations

from collections.abc import Iterator

from mint_resilience.failures import Permanent

_VARINT, _BYTES = 0, 2
_MAX_VARINT_BYTES = 10


def varint(number: int) -> bytes:
    """Encode a non-negative integer, seven bits a byte, the lowest first."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def number_field(field: int, number: int) -> bytes:
    """Encode one varint field."""
    return varint(field << 3 | _VARINT) + varint(number)


def bytes_field(field: int, value: bytes) -> bytes:
    """Encode one length-delimited field."""
    return varint(field << 3 | _BYTES) + varint(len(value)) + value


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Read a message as (field number, value) in order; raises `Permanent` when malformed."""
    position = 0
    while position < len(message):
        key, position = read_varint(message, position)
        value, position = _read_value(message, position, key & 7)
        yield key >> 3, value


def _read_value(message: bytes, position: int, wire_type: int) -> tuple[int | bytes, int]:
    number, position = read_varint(message, position)
    if wire_type == _VARINT:
        return number, position
    if wire_type != _BYTES:
        raise Permanent(f"protobuf wire type {wire_type} does not occur in IPFS nodes")
    end = position + number
    if end > len(message):
        raise Permanent("protobuf message ends inside a field")
    return message[position:end], end


def read_varint(message: bytes, position: int) -> tuple[int, int]:
    """Read a number at a position; the number and the position after it.

    Raises `Permanent` when the message ends inside it.
    """
    number = 0
    for index, byte in enumerate(message[position : position + _MAX_VARINT_BYTES]):
        number |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return number, position + index + 1
    raise Permanent("protobuf message ends inside a number")

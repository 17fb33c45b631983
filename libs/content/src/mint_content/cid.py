"""Content identifiers: parse, print and check the names that IPFS gives to bytes.

Only what IPFS files use is known here: CID version 0 and 1, the codecs raw and dag-pb, and the
hash sha2-256. Text forms are base58btc for version 0 and lower-case base32 for version 1.
Sources: the CID specification (github.com/multiformats/cid) and the multicodec table.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256

from mint_resilience.failures import Permanent

SHA2_256_PREFIX = b"\x12\x20"
"""A multihash begins with the function's code (0x12) and the digest's length (32)."""

_DIGEST_SIZE = 32
_V0_TEXT_LENGTH = 46
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_URI_SCHEME = "ipfs://"


class Codec(IntEnum):
    """How the named block is to be read, by its multicodec number."""

    RAW = 0x55
    DAG_PB = 0x70


@dataclass(frozen=True, slots=True)
class Cid:
    """The name of one block: version, codec and the block's SHA-256 digest."""

    version: int
    codec: Codec
    digest: bytes

    def __str__(self) -> str:
        """The canonical text: base58btc for version 0, base32 for version 1."""
        if self.version == 0:
            return _to_base58(SHA2_256_PREFIX + self.digest)
        return "b" + base64.b32encode(self.to_bytes()).decode().rstrip("=").lower()

    def to_bytes(self) -> bytes:
        """The binary form that dag-pb links carry."""
        multihash = SHA2_256_PREFIX + self.digest
        return multihash if self.version == 0 else bytes((1, self.codec)) + multihash

    @property
    def uri(self) -> str:
        """The address of the content by its name alone: `ipfs://CID`."""
        return f"{_URI_SCHEME}{self}"

    def names(self, block: bytes) -> bool:
        """Tell whether this is the CID of exactly these block bytes."""
        return sha256(block).digest() == self.digest

    @staticmethod
    def of_block(block: bytes, codec: Codec, *, version: int = 1) -> Cid:
        """Name one block."""
        return Cid(version, codec, sha256(block).digest())

    @staticmethod
    def from_bytes(binary: bytes) -> Cid:
        """Read the binary form of either version; raises `Permanent` when it is not one."""
        if len(binary) == len(SHA2_256_PREFIX) + _DIGEST_SIZE and binary.startswith(
            SHA2_256_PREFIX
        ):
            return Cid(0, Codec.DAG_PB, binary[2:])
        return _version_1_from_bytes(binary)

    @staticmethod
    def parse(text: str) -> Cid:
        """Read a CID's text; raises `Permanent` that says why it is none, or none of ours."""
        if len(text) == _V0_TEXT_LENGTH and text.startswith("Qm"):
            return Cid.from_bytes(_from_base58(text))
        if text.startswith("b"):
            return _version_1_from_bytes(_from_base32(text))
        raise Permanent(f"{text!r} is not a CID: expected base58 'Qm…' or base32 'b…'")

    @staticmethod
    def from_uri(uri: str) -> Cid:
        """Read `ipfs://CID` without a path; raises `Permanent` for anything else."""
        if not uri.startswith(_URI_SCHEME):
            raise Permanent(f"{uri!r} is not an IPFS address: expected 'ipfs://CID'")
        return Cid.parse(uri.removeprefix(_URI_SCHEME))


def _version_1_from_bytes(binary: bytes) -> Cid:
    version, codec, multihash = binary[:1], binary[1:2], binary[2:]
    if version != b"\x01":
        raise Permanent(f"CID bytes {binary.hex()} are of no known version")
    if codec not in (b"\x55", b"\x70"):
        raise Permanent(f"CID codec 0x{codec.hex()} is unsupported: expected raw or dag-pb")
    if not multihash.startswith(SHA2_256_PREFIX) or len(multihash) != 2 + _DIGEST_SIZE:
        raise Permanent(f"CID multihash {multihash.hex()} is unsupported: expected sha2-256")
    return Cid(1, Codec(codec[0]), multihash[2:])


def _from_base32(text: str) -> bytes:
    body = text[1:]
    try:
        binary = base64.b32decode(body.upper() + "=" * (-len(body) % 8))
    except ValueError as error:
        raise Permanent(f"{text!r} is not base32: {error}") from error
    if base64.b32encode(binary).decode().rstrip("=").lower() != body:
        raise Permanent(f"{text!r} is not canonical lower-case base32")
    return binary


def _to_base58(binary: bytes) -> str:
    number, text = int.from_bytes(binary, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return text


def _from_base58(text: str) -> bytes:
    number = 0
    for character in text:
        digit = _BASE58.find(character)
        if digit < 0:
            raise Permanent(f"{text!r} is not base58: {character!r} is no digit of it")
        number = number * 58 + digit
    return number.to_bytes((number.bit_length() + 7) // 8, "big")

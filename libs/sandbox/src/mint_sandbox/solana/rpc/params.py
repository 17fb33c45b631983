"""Reading a request's parameters; what is wrong with one becomes "invalid params" (-32602)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from solders.pubkey import Pubkey
from solders.signature import Signature

from mint_sandbox.solana import base58
from mint_sandbox.solana.chain import Commitment
from mint_sandbox.solana.rpc.errors import RpcError, invalid_params

T = TypeVar("T")


class Options:
    """The object with named options that many methods take as their last parameter."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def get(self, name: str, kind: type[T]) -> T | None:
        """The option if it is given; raises RpcError if it is not of that kind."""
        value = self._values.get(name)
        if value is not None and not _is(value, kind):
            raise invalid_params(f"Invalid params: {name} must be of type {kind.__name__}.")
        return value

    def unsigned(self, name: str) -> int | None:
        """A number from 0 to 2^64 - 1, if it is given."""
        value = self.get(name, int)
        return None if value is None else _unsigned(value)

    def flag(self, name: str) -> bool:
        """A boolean option; False unless given."""
        return self.get(name, bool) or False

    def commitment(self, name: str = "commitment") -> Commitment:
        """The commitment asked for; a node's default is `finalized`."""
        value = self.get(name, str)
        if value is None:
            return Commitment.FINALIZED
        return _read(Commitment, value, f"unknown variant `{value}`")


class Params:
    """The parameters by position."""

    def __init__(self, values: Sequence[Any]) -> None:
        self._values = values

    def get(self, index: int, kind: type[T]) -> T:
        """A parameter that must be there; raises RpcError if it is not, or of another kind."""
        value = self._values[index] if index < len(self._values) else None
        if value is None:
            raise invalid_params(f"`params` should have at least {index + 1} argument(s)")
        if not _is(value, kind):
            raise invalid_params(f"Invalid params: invalid type, expected {kind.__name__}.")
        return value  # type: ignore[no-any-return]  # its type was just checked

    def optional(self, index: int, kind: type[T]) -> T | None:
        """A parameter that may be left out or null."""
        absent = index >= len(self._values) or self._values[index] is None
        return None if absent else self.get(index, kind)

    def unsigned(self, index: int) -> int:
        """A number from 0 to 2^64 - 1."""
        return _unsigned(self.get(index, int))

    def options(self, index: int) -> Options:
        """The options at that position; none given is the same as an empty object."""
        return Options(self.optional(index, dict) or {})

    def pubkey(self, index: int) -> Pubkey:
        """An address."""
        return pubkey(self.get(index, str))

    def signature(self, index: int) -> Signature:
        """A transaction's signature."""
        return signature(self.get(index, str))


def pubkey(text: Any) -> Pubkey:
    """Read an address; raises RpcError if it is none."""
    return _read(Pubkey.from_string, text, "WrongSize")


def signature(text: Any) -> Signature:
    """Read a signature; raises RpcError if it is none."""
    return _read(Signature.from_string, text, "WrongSize")


def encoded_bytes(text: str, encoding: str) -> bytes:
    """Read bytes in base58 or base64; raises RpcError if they are in neither."""
    if encoding == "base64":
        return _read(lambda value: base64.b64decode(value, validate=True), text, "invalid base64")
    if encoding == "base58":
        return _read(base58.decode, text, "invalid base58 encoding")
    raise invalid_params(f"unsupported encoding: {encoding}. Supported encodings: base58, base64")


def _is(value: Any, kind: type) -> bool:
    """`isinstance`, except that JSON's true and false are no numbers."""
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))


def _unsigned(value: int) -> int:
    if not 0 <= value < 2**64:
        raise invalid_params(f"Invalid params: invalid value: integer `{value}`, expected u64.")
    return value


def _read(read: Callable[[Any], T], value: Any, reason: str) -> T:
    try:
        return read(value)
    except (ValueError, TypeError, binascii.Error) as error:
        raise _invalid(reason) from error


def _invalid(reason: str) -> RpcError:
    return invalid_params(f"Invalid param: {reason}")

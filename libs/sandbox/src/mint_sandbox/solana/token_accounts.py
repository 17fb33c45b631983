"""SPL Token accounts and mints, read from account data. Pure.

Layouts: SPL Token's `Account` (165 bytes) and `Mint` (82 bytes); Token-2022 puts extensions after
byte 165, which then says what the account is (1 a mint, 2 a token account).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from solders.account import Account
from solders.pubkey import Pubkey

SPL_TOKEN = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
PROGRAM_NAMES = {SPL_TOKEN: "spl-token", TOKEN_2022: "spl-token-2022"}

_ACCOUNT_SIZE, _MINT_SIZE = 165, 82
_IS_MINT, _IS_ACCOUNT = 1, 2
_STATES = ("uninitialized", "initialized", "frozen")


@dataclass(frozen=True, slots=True)
class Holding:
    """A token account: whose tokens, of which mint, how many of its smallest units."""

    mint: Pubkey
    owner: Pubkey
    amount: int
    delegate: Pubkey | None
    state: str
    is_native: bool
    delegated_amount: int
    close_authority: Pubkey | None


@dataclass(frozen=True, slots=True)
class Mint:
    """A kind of token: its supply in smallest units, and who may change it."""

    authority: Pubkey | None
    supply: int
    decimals: int
    is_initialized: bool
    freeze_authority: Pubkey | None


def holding(account: Account | None) -> Holding | None:
    """The token account in it, if it is an initialized one."""
    if account is None or not _is(account, _ACCOUNT_SIZE, _IS_ACCOUNT) or not account.data[108]:
        return None
    data = account.data
    return Holding(
        mint=_key(data, 0),
        owner=_key(data, 32),
        amount=_u64(data, 64),
        delegate=_optional_key(data, 72),
        state=_STATES[data[108]],
        is_native=data[109] != 0,
        delegated_amount=_u64(data, 121),
        close_authority=_optional_key(data, 129),
    )


def mint(account: Account | None) -> Mint | None:
    """The mint in it, if it is one."""
    if account is None or not _is(account, _MINT_SIZE, _IS_MINT):
        return None
    data = account.data
    return Mint(
        authority=_optional_key(data, 0),
        supply=_u64(data, 36),
        decimals=data[44],
        is_initialized=data[45] == 1,
        freeze_authority=_optional_key(data, 46),
    )


def ui_amount(amount: int, decimals: int) -> dict[str, Any]:
    """An amount as the JSON-RPC shows it."""
    shown = Decimal(amount).scaleb(-decimals)
    text = f"{shown:f}"
    trimmed = text.rstrip("0").rstrip(".") if "." in text else text
    return {
        "amount": str(amount),
        "decimals": decimals,
        "uiAmount": float(shown),
        "uiAmountString": trimmed,
    }


def _is(account: Account, size: int, kind: int) -> bool:
    if account.owner not in PROGRAM_NAMES:
        return False
    data = account.data
    return len(data) == size or (len(data) > _ACCOUNT_SIZE and data[_ACCOUNT_SIZE] == kind)


def _key(data: bytes, at: int) -> Pubkey:
    return Pubkey.from_bytes(data[at : at + 32])


def _optional_key(data: bytes, at: int) -> Pubkey | None:
    return _key(data, at + 4) if data[at] else None


def _u64(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")

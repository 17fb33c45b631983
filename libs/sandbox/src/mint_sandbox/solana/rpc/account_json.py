"""An account as the JSON-RPC shows it, in the encoding and slice asked for. Pure."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from solders.account import Account
from solders.pubkey import Pubkey

from mint_sandbox.solana import base58, token_accounts
from mint_sandbox.solana.rpc.errors import RpcError, invalid_params
from mint_sandbox.solana.rpc.params import Options

Decimals = Callable[[Pubkey], int]
_MAX_BASE58 = 128
_BASE58, _BASE64, _PARSED = "base58", "base64", "jsonParsed"


def account_json(account: Account, options: Options, decimals: Decimals) -> dict[str, Any]:
    """Encode the account; raises RpcError for an encoding that can not be had."""
    return {
        "lamports": account.lamports,
        "owner": str(account.owner),
        "data": _data(account, options, decimals),
        "executable": account.executable,
        "rentEpoch": account.rent_epoch,
        "space": len(account.data),
    }


def _data(account: Account, options: Options, decimals: Decimals) -> Any:
    encoding = options.get("encoding", str)
    if encoding == _PARSED:
        return _parsed(account, decimals) or [_base64(_slice(account, options)), _BASE64]
    if encoding == _BASE64:
        return [_base64(_slice(account, options)), _BASE64]
    if encoding in (None, _BASE58):
        text = _base58(_slice(account, options))
        return text if encoding is None else [text, _BASE58]
    raise invalid_params(f"unsupported encoding: {encoding}")


def _slice(account: Account, options: Options) -> bytes:
    part = options.get("dataSlice", dict)
    if part is None:
        return account.data
    limits = Options(part)
    offset, length = limits.unsigned("offset"), limits.unsigned("length")
    if offset is None or length is None:
        raise invalid_params("Invalid params: dataSlice needs offset and length.")
    return account.data[offset : offset + length]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _base58(data: bytes) -> str:
    if len(data) > _MAX_BASE58:
        reason = "Encoded binary (base 58) data should be less than 128 bytes"
        raise RpcError(-32600, f"{reason}, please use Base64 encoding.")
    return base58.encode(data)


def _parsed(account: Account, decimals: Decimals) -> dict[str, Any] | None:
    """What a node has a parser for: here token accounts and mints."""
    held, mint = token_accounts.holding(account), token_accounts.mint(account)
    if held:
        parsed = {"type": "account", "info": _holding(held, decimals(held.mint))}
    elif mint:
        parsed = {"type": "mint", "info": _mint(mint)}
    else:
        return None
    program = token_accounts.PROGRAM_NAMES[account.owner]
    return {"program": program, "parsed": parsed, "space": len(account.data)}


def _holding(held: token_accounts.Holding, decimals: int) -> dict[str, Any]:
    info = {
        "mint": str(held.mint),
        "owner": str(held.owner),
        "tokenAmount": token_accounts.ui_amount(held.amount, decimals),
        "state": held.state,
        "isNative": held.is_native,
    }
    if held.delegate:
        info["delegate"] = str(held.delegate)
        info["delegatedAmount"] = token_accounts.ui_amount(held.delegated_amount, decimals)
    if held.close_authority:
        info["closeAuthority"] = str(held.close_authority)
    return info


def _mint(mint: token_accounts.Mint) -> dict[str, Any]:
    return {
        "mintAuthority": _text(mint.authority),
        "supply": str(mint.supply),
        "decimals": mint.decimals,
        "isInitialized": mint.is_initialized,
        "freezeAuthority": _text(mint.freeze_authority),
    }


def _text(key: Pubkey | None) -> str | None:
    return None if key is None else str(key)

"""A transaction as `getTransaction` shows it. Pure."""

from __future__ import annotations

import base64
from typing import Any

from solders.message import MessageV0
from solders.transaction import VersionedTransaction

from mint_sandbox.solana import base58
from mint_sandbox.solana.ledger import known
from mint_sandbox.solana.messages import AnyMessage
from mint_sandbox.solana.rpc.errors import invalid_params


def transaction_json(raw: bytes, encoding: str) -> Any:
    """Encode a transaction; raises RpcError for an encoding that can not be had."""
    if encoding == "base64":
        return [base64.b64encode(raw).decode(), "base64"]
    if encoding == "base58":
        return [base58.encode(raw), "base58"]
    if encoding != "json":
        raise invalid_params(f"unsupported encoding: {encoding}. Supported: json, base58, base64")
    transaction = VersionedTransaction.from_bytes(raw)
    return {
        "signatures": [str(signature) for signature in transaction.signatures],
        "message": _message(known(transaction)),
    }


def version(raw: bytes) -> str | int:
    """`legacy` or the number of the version."""
    return 0 if isinstance(VersionedTransaction.from_bytes(raw).message, MessageV0) else "legacy"


def _message(message: AnyMessage) -> dict[str, Any]:
    header = message.header
    shown: dict[str, Any] = {
        "header": {
            "numRequiredSignatures": header.num_required_signatures,
            "numReadonlySignedAccounts": header.num_readonly_signed_accounts,
            "numReadonlyUnsignedAccounts": header.num_readonly_unsigned_accounts,
        },
        "accountKeys": [str(key) for key in message.account_keys],
        "recentBlockhash": str(message.recent_blockhash),
        "instructions": _instructions(message),
    }
    return shown | _lookups(message)


def _instructions(message: AnyMessage) -> list[dict[str, Any]]:
    return [
        {
            "programIdIndex": instruction.program_id_index,
            "accounts": list(instruction.accounts),
            "data": base58.encode(bytes(instruction.data)),
            "stackHeight": 1,
        }
        for instruction in message.instructions
    ]


def _lookups(message: AnyMessage) -> dict[str, Any]:
    if not isinstance(message, MessageV0):
        return {}
    lookups = [
        {
            "accountKey": str(lookup.account_key),
            "writableIndexes": list(lookup.writable_indexes),
            "readonlyIndexes": list(lookup.readonly_indexes),
        }
        for lookup in message.address_table_lookups
    ]
    return {"addressTableLookups": lookups}

"""Methods about the node and the cluster: identity, health, fees, the faucet."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from solders.message import Message, MessageV0, from_bytes_versioned

from mint_sandbox.solana import messages
from mint_sandbox.solana.ledger import Ledger
from mint_sandbox.solana.rpc import params as read
from mint_sandbox.solana.rpc.context import API_VERSION, commitment, framed
from mint_sandbox.solana.rpc.dispatch import Method
from mint_sandbox.solana.rpc.errors import invalid_params, node_behind
from mint_sandbox.solana.rpc.params import Params

_MAX_FEE_ACCOUNTS = 128
_HEALTHY_DISTANCE = 128  # slots (Agave's --health-check-slot-distance)


def get_health(ledger: Ledger, _params: Params) -> str:
    """Whether the node is near the cluster's tip."""
    if ledger.chain.behind > _HEALTHY_DISTANCE:
        raise node_behind(ledger.chain.behind)
    return "ok"


def get_version(_ledger: Ledger, _params: Params) -> Any:
    """The version of the runtime."""
    return {"solana-core": API_VERSION, "feature-set": 0}


def get_genesis_hash(ledger: Ledger, _params: Params) -> str:
    """The hash that names this chain."""
    return str(ledger.genesis.hash)


def get_identity(ledger: Ledger, _params: Params) -> Any:
    """The node's own address; here the faucet's."""
    return {"identity": str(ledger.genesis.faucet.pubkey())}


def get_transaction_count(ledger: Ledger, _params: Params) -> int:
    """How many transactions have landed."""
    return ledger.history.count(ledger.chain.tip.slot)


def get_recent_prioritization_fees(ledger: Ledger, params: Params) -> Any:
    """Per recent block, the unit price that sufficed to write the given accounts."""
    keys = params.optional(0, list) or []
    if len(keys) > _MAX_FEE_ACCOUNTS:
        raise invalid_params(f"Too many inputs provided; max {_MAX_FEE_ACCOUNTS}")
    prices = ledger.fees.lowest(read.pubkey(key) for key in keys)
    newest = ledger.chain.tip.slot
    return [{"slot": slot, "prioritizationFee": price} for slot, price in prices if slot <= newest]


def get_fee_for_message(ledger: Ledger, params: Params) -> Any:
    """What a message (base64) would cost in lamports; null if its blockhash is too old."""
    message = _message(params.get(0, str))
    at = commitment(ledger, params.options(1))
    valid = ledger.chain.is_valid(message.recent_blockhash, at)
    return framed(ledger, at, messages.fee(message) if valid else None)


def request_airdrop(ledger: Ledger, params: Params) -> str:
    """Send lamports from the faucet; the signature of the transfer."""
    return str(ledger.airdrop(params.pubkey(0), params.unsigned(1)))


def _message(text: str) -> messages.AnyMessage:
    try:
        message = from_bytes_versioned(base64.b64decode(text, validate=True))
    except (ValueError, binascii.Error) as error:
        raise invalid_params(f"Invalid param: {error}") from error
    if not isinstance(message, Message | MessageV0):
        raise invalid_params("Invalid param: unsupported message version")
    return message


METHODS: Mapping[str, Method] = {
    "getFeeForMessage": get_fee_for_message,
    "getGenesisHash": get_genesis_hash,
    "getHealth": get_health,
    "getIdentity": get_identity,
    "getRecentPrioritizationFees": get_recent_prioritization_fees,
    "getTransactionCount": get_transaction_count,
    "getVersion": get_version,
    "requestAirdrop": request_airdrop,
}

"""The frame around answers that depend on a commitment: which slot they were read at."""

from __future__ import annotations

from typing import Any

from mint_sandbox.solana.chain import Commitment
from mint_sandbox.solana.ledger import Ledger
from mint_sandbox.solana.rpc.errors import invalid_params, min_context_slot_not_reached
from mint_sandbox.solana.rpc.params import Options

API_VERSION = "4.1.2"
"""The version of Agave's program runtime inside solders 0.29."""


def commitment(ledger: Ledger, options: Options, name: str = "commitment") -> Commitment:
    """The commitment to read at; raises RpcError if `minContextSlot` is not reached there."""
    wanted = options.commitment(name)
    slot = ledger.chain.at(wanted).slot
    if slot < (options.get("minContextSlot", int) or 0):
        raise min_context_slot_not_reached(slot)
    return wanted


def settled(ledger: Ledger, options: Options) -> Commitment:
    """The commitment, for what the blockstore answers: `processed` is refused."""
    wanted = commitment(ledger, options)
    if wanted is Commitment.PROCESSED:
        raise invalid_params("Method does not support commitment below `confirmed`")
    return wanted


def framed(ledger: Ledger, wanted: Commitment, value: Any) -> dict[str, Any]:
    """The value with the slot that it was read at."""
    slot = ledger.chain.at(wanted).slot
    return {"context": {"slot": slot, "apiVersion": API_VERSION}, "value": value}

"""A signed transaction: the very bytes that are recorded, sent and re-sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import Message
from solders.signature import Signature
from solders.transaction import Transaction

from mint_chain.instructions import Step, compute_budget
from mint_resilience.failures import Permanent

MAX_TRANSACTION_BYTES: Final = 1232
"""What one packet carries: IPv6's least MTU of 1280 less 48 bytes of headers (Solana's limit)."""


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """A transaction's bytes and the signature that names it."""

    signature: Signature
    raw: bytes


def sign(
    steps: Sequence[Step], authority: Keypair, blockhash: Hash, *, units: int, price: int
) -> SignedTransaction:
    """Sign as many of the steps, from the first, as fit into one transaction.

    The authority is the only signer and pays. `units` limits the compute units, `price` is
    micro-lamports per unit. The same arguments give the same bytes (ed25519 is deterministic).
    Raises `Permanent` when not even the first step fits.
    """
    budget = tuple(compute_budget(units=units, price=price))
    for count in range(len(steps), 0, -1):
        instructions = list(chain(budget, *steps[:count]))
        message = Message.new_with_blockhash(instructions, authority.pubkey(), blockhash)
        transaction = Transaction([authority], message, blockhash)
        raw = bytes(transaction)
        if len(raw) <= MAX_TRANSACTION_BYTES:
            return SignedTransaction(transaction.signatures[0], raw)
    raise Permanent(
        f"no step of the mint fits into the {MAX_TRANSACTION_BYTES} bytes of a transaction:"
        " shorten name or URI, or name fewer creators"
    )

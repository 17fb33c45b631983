"""The JSON-RPC methods, by group; each is a plain function of the ledger and its parameters."""

from __future__ import annotations

from collections.abc import Mapping

from mint_sandbox.solana.rpc import accounts, blocks, cluster, tokens, transactions
from mint_sandbox.solana.rpc.dispatch import Method

METHODS: Mapping[str, Method] = {
    **accounts.METHODS,
    **blocks.METHODS,
    **cluster.METHODS,
    **tokens.METHODS,
    **transactions.METHODS,
}
"""Every method that the HTTP port answers."""

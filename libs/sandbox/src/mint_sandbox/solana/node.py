"""The chain as one node shows it, and what that node does with transactions sent to it.

All nodes share one ledger; one that behaves is the ledger itself. Effects of faults, never causes:
whatever a node does, a transaction runs in the ledger or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from mint_sandbox.solana.history import Landed
from mint_sandbox.solana.ledger import Ledger
from mint_sandbox.solana.rpc.dispatch import Call, Method, table
from mint_sandbox.solana.rpc.params import Params


@dataclass(frozen=True, slots=True)
class Conduct:
    """How a node serves a request: `lag` in slots; `height_error` in blocks.

    A transaction sent to it is passed on at once, or `dropped`, or kept for `kept` blocks (as long
    as it can still land when that is more).
    """

    lag: int = 0
    height_error: int = 0
    dropped: bool = False
    kept: float = 0


USUAL: Final = Conduct()
"""A node that behaves."""


def calls_on(ledger: Ledger, methods: Mapping[str, Method], conduct: Conduct) -> Call:
    """Calls to these methods of a node of that conduct."""
    if conduct == USUAL:
        return table(ledger, methods)
    call = table(Node(ledger, conduct), methods)

    def told(name: str, params: Params) -> Any:
        return _with_height_error(name, call(name, params), conduct.height_error)

    return told


class Node(Ledger):
    """The ledger as a node of that conduct sees it; what is sent to it goes to the real one."""

    def __init__(self, cluster: Ledger, conduct: Conduct) -> None:
        vars(self).update(vars(cluster))  # it shares everything but the view of the chain
        self.chain = cluster.chain.lagging(conduct.lag)
        self._cluster = cluster
        self._conduct = conduct

    def submit(self, transaction: VersionedTransaction) -> Landed | None:
        """Pass the transaction on, now or later or never."""
        if self._conduct.dropped:
            return None
        if self._conduct.kept:
            return self._cluster.submit_later(transaction, self._conduct.kept)
        return self._cluster.submit(transaction)

    def airdrop(self, key: Pubkey, lamports: int) -> Signature:
        """Airdrops always work: without them no test could begin."""
        return self._cluster.airdrop(key, lamports)


def _with_height_error(method: str, result: Any, error: int) -> Any:
    """The result with every block height in it shifted."""
    if not error:
        return result
    match method, result:
        case "getBlockHeight", int():
            return result + error
        case "getEpochInfo", {"blockHeight": height}:
            return {**result, "blockHeight": height + error}
        case "getLatestBlockhash", {"value": {"lastValidBlockHeight": height} as value}:
            return {**result, "value": {**value, "lastValidBlockHeight": height + error}}
        case _:
            return result

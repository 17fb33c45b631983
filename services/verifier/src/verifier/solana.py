"""Solana through its RPC endpoints: the few reads that the checks need.

Each method raises the `Failure` of the endpoint that gives no answer, and `AllUnavailable` when it,
or any, may not be asked now.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from solders.pubkey import Pubkey

from mint_chain.accounts import AccountState, TokenHolding
from verifier import queries
from verifier.checks.solana import AccountsSeen, TransactionSeen
from verifier.endpoints import Endpoints, Operation
from verifier.expectation import Expectation
from verifier.queries import ACCOUNTS_PER_CALL, Read
from verifier.rpc import RpcEndpoint

T = TypeVar("T")

DEPENDENCY = "solana"


class SolanaReader:
    """Reads from endpoints by name, in order of preference, and knows how far each has come."""

    def __init__(self, endpoints: Endpoints[RpcEndpoint]) -> None:
        self._endpoints = endpoints
        self.names = endpoints.names

    async def readiness(self) -> str | None:
        """None if an endpoint answers, else what each did instead."""
        return await self._endpoints.readiness(queries.finalized_slot)

    async def transactions(self, signatures: Sequence[str]) -> dict[str, TransactionSeen]:
        """What the best endpoint that answers knows of the signatures, by signature."""
        return await self._endpoints.any(lambda rpc: queries.transactions(rpc, signatures))

    async def every_word(self, signature: str) -> tuple[TransactionSeen, ...]:
        """What each endpoint that answers knows of the signature."""
        seen = await self._endpoints.each(lambda rpc: queries.transactions(rpc, [signature]))
        return tuple(each[signature] for each in seen)

    async def nft_accounts(self, name: str, expected: Expectation) -> AccountsSeen:
        """The NFT's four accounts, in one call and so at one slot."""
        addresses = (
            expected.mint,
            expected.token_account,
            expected.metadata_account,
            expected.master_edition,
        )
        read = await self._read(name, lambda rpc: queries.accounts(rpc, addresses))
        mint, token, metadata, edition = read.value
        return AccountsSeen(
            slot=read.slot, mint=mint, token=token, metadata=metadata, edition=edition
        )

    async def accounts(self, name: str, addresses: Sequence[Pubkey]) -> list[AccountState | None]:
        """The accounts at these addresses, in their order; None where there is none."""
        states: list[AccountState | None] = []
        for start in range(0, len(addresses), ACCOUNTS_PER_CALL):
            states += await self._part(name, addresses[start : start + ACCOUNTS_PER_CALL])
        return states

    async def holdings(self, name: str, wallet: Pubkey) -> Read[list[TokenHolding]]:
        """Every token account of the wallet."""
        return await self._read(name, lambda rpc: queries.holdings(rpc, wallet))

    async def _part(self, name: str, addresses: Sequence[Pubkey]) -> list[AccountState | None]:
        return (await self._read(name, lambda rpc: queries.accounts(rpc, addresses))).value

    async def _read(self, name: str, query: Operation[RpcEndpoint, Read[T]]) -> Read[T]:
        read = await self._endpoints.ask(name, query)
        self._endpoints.report_position(name, read.slot)
        return read

"""A key with lamports, and the ways in which the tests spend them."""

from __future__ import annotations

from collections.abc import Sequence

from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solana.rpc.models import TxOpts
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

SOL = 10**9
SLOTS_TO_FINALIZE = 33


class Wallet:
    """A key with lamports, and the ways in which the tests spend them."""

    def __init__(self, client: AsyncClient, key: Keypair) -> None:
        self.client = client
        self.key = key

    @property
    def address(self) -> Pubkey:
        return self.key.pubkey()

    async def blockhash(self) -> Hash:
        return (await self.client.get_latest_blockhash(Confirmed)).value.blockhash

    async def signed(
        self,
        instructions: Sequence[Instruction],
        signers: Sequence[Keypair] = (),
        blockhash: Hash | None = None,
    ) -> VersionedTransaction:
        message = Message.new_with_blockhash(
            list(instructions), self.address, blockhash or await self.blockhash()
        )
        return VersionedTransaction(message, [self.key, *signers])

    async def payment(
        self, to: Pubkey, lamports: int, blockhash: Hash | None = None
    ) -> VersionedTransaction:
        pay = TransferParams(from_pubkey=self.address, to_pubkey=to, lamports=lamports)
        return await self.signed([transfer(pay)], blockhash=blockhash)

    async def send(
        self, transaction: VersionedTransaction, *, skip_preflight: bool = False
    ) -> Signature:
        options = TxOpts(skip_preflight=skip_preflight, preflight_commitment=Confirmed)
        return (await self.client.send_transaction(transaction, opts=options)).value

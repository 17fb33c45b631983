"""A chain with the real SPL Token and Token Metadata programs, in LiteSVM, for one test each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.transaction import Transaction
from solders.transaction_metadata import FailedTransactionMetadata

from mint_chain.accounts import AccountState
from mint_chain.addresses import TOKEN_METADATA_PROGRAM
from mint_chain.instructions import Step, missing_steps
from mint_chain.nft import CreatorShare, Nft, OnChain, observe, parts_of
from mint_chain.transaction import sign
from mint_sandbox.solana import token_metadata_program

_UNITS = 300_000
MINT_RENT = 1_461_600
LARGEST = {"name": "n" * 32, "symbol": "s" * 10, "uri": "u" * 200}


class Chain:
    """A chain of its own per test, with a funded authority."""

    def __init__(self) -> None:
        self.vm = LiteSVM()
        self.vm.add_program(TOKEN_METADATA_PROGRAM, token_metadata_program(os.environ))
        self.authority = Keypair()
        self.fund(self.authority.pubkey(), 10**12)

    def fund(self, address: Pubkey, lamports: int) -> None:
        self.vm.airdrop(address, lamports)

    def account(self, address: Pubkey) -> AccountState | None:
        found = self.vm.get_account(address)
        return AccountState(found.lamports, found.owner, found.data) if found else None

    def observe(self, nft: Nft) -> OnChain:
        return observe(*map(self.account, parts_of(nft.mint)))

    def nft(self, mint_id: str, **changes: Any) -> Nft:
        wanted = {
            "authority": self.authority.pubkey(),
            "wallet": Keypair().pubkey(),
            "name": "Level 7",
            "symbol": "TRM",
            "uri": "ipfs://bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
            "seller_fee_basis_points": 500,
            "creators": (),
            "collection": None,
            "is_mutable": True,
        }
        return Nft(**{"mint_id": mint_id, **wanted, **changes})

    def steps(self, nft: Nft, there: OnChain | None = None) -> list[Step]:
        return missing_steps(nft, there or self.observe(nft), rent=MINT_RENT)

    def land(self, steps: Sequence[Step], *, price: int = 1000) -> str | None:
        """Sign with a fresh blockhash and send; the program's error, or None when it landed."""
        self.vm.expire_blockhash()
        blockhash = self.vm.latest_blockhash()
        signed = sign(steps, self.authority, blockhash, units=_UNITS, price=price)
        result = self.vm.send_transaction(Transaction.from_bytes(signed.raw))
        return str(result.err()) if isinstance(result, FailedTransactionMetadata) else None


def five_creators(authority: Pubkey) -> tuple[CreatorShare, ...]:
    strangers = [Keypair().pubkey() for _ in range(4)]
    return tuple(CreatorShare(address=creator, share=20) for creator in (authority, *strangers))

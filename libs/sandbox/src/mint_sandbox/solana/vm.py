"""The Solana virtual machine (LiteSVM): runs transactions against the newest state.

It checks neither signatures nor blockhashes nor duplicates here: those belong to the ledger, which
knows blocks and commitments.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from solders.account import Account
from solders.clock import Clock
from solders.hash import Hash
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import (
    FailedTransactionMetadata,
    InnerInstruction,
    TransactionMetadata,
)

_ABSENT = Account(0, b"", Pubkey.default())


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of a transaction gave; `err` has the form of the JSON-RPC, None on success."""

    err: Any
    logs: tuple[str, ...]
    units: int
    fee: int
    inner_instructions: Sequence[Sequence[InnerInstruction]]
    return_data: tuple[Pubkey, bytes] | None


class VirtualMachine:
    """LiteSVM with the standard programs and those given, by address."""

    def __init__(self, programs: Mapping[Pubkey, bytes]) -> None:
        svm = LiteSVM().with_blockhash_check(check=False).with_sigverify(sigverify=False)
        self._svm = svm.with_transaction_history(0)
        for address, elf in programs.items():
            self._svm.add_program(address, elf)

    def account(self, key: Pubkey) -> Account | None:
        """The account as it is now; None if it does not exist."""
        return self._svm.get_account(key)

    def owned_by(self, program: Pubkey) -> list[tuple[Pubkey, Account]]:
        """All accounts that the program owns now."""
        return self._svm.get_program_accounts(program)

    def put(self, key: Pubkey, account: Account | None) -> None:
        """Overwrite an account; None removes it."""
        self._svm.set_account(key, account or _ABSENT)

    def rent_exempt(self, size: int) -> int:
        """The lamports that an account of `size` bytes of data must hold."""
        return self._svm.minimum_balance_for_rent_exemption(size)

    def epoch(self, slot: int) -> tuple[int, int, int]:
        """The slot's epoch, its index in the epoch, and the slots in that epoch."""
        schedule = self._svm.get_epoch_schedule()
        epoch, index = schedule.get_epoch_and_slot_index(slot)
        return epoch, index, schedule.get_slots_in_epoch(epoch)

    def begin_slot(self, slot: int, time: int, hashes: Iterable[tuple[int, Hash]]) -> None:
        """Let programs see the slot, the time (Unix seconds) and the hashes of recent slots."""
        epoch, _, _ = self.epoch(slot)
        self._svm.set_clock(Clock(slot, time, epoch, epoch + 1, time))
        self._svm.set_slot_hashes(list(hashes))

    def run(self, transaction: VersionedTransaction) -> Outcome:
        """Run it and keep its effects."""
        result = self._svm.send_transaction(transaction)
        if isinstance(result, FailedTransactionMetadata):
            return _outcome(result.meta(), json.loads(result.to_json())["err"])
        return _outcome(result, None)

    def simulate(self, transaction: VersionedTransaction) -> tuple[Outcome, dict[Pubkey, Account]]:
        """Run it without effects; also the accounts as they would be (none if it failed)."""
        result = self._svm.simulate_transaction(transaction)
        if isinstance(result, FailedTransactionMetadata):
            return _outcome(result.meta(), json.loads(result.to_json())["err"]), {}
        return _outcome(result.meta(), None), dict(result.post_accounts())

    @contextmanager
    def as_it_was(self, accounts: Mapping[Pubkey, Account | None]) -> Iterator[None]:
        """Within, the given accounts have the given states; afterwards their present ones."""
        present = {key: self.account(key) for key in accounts}
        try:
            self._put_all(accounts)
            yield
        finally:
            self._put_all(present)

    def _put_all(self, accounts: Mapping[Pubkey, Account | None]) -> None:
        for key, account in accounts.items():
            self.put(key, account)


def _outcome(meta: TransactionMetadata, err: Any) -> Outcome:
    returned = meta.return_data()
    return Outcome(
        err=err,
        logs=tuple(meta.logs()),
        units=meta.compute_units_consumed(),
        fee=meta.fee(),
        inner_instructions=meta.inner_instructions(),
        return_data=(returned.program_id, returned.data) if returned.data else None,
    )

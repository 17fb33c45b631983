"""Keeping a chain in a file over restarts of the sandbox."""

from __future__ import annotations

import os
import pickle
import tempfile
from pathlib import Path

from solders.account import Account
from solders.pubkey import Pubkey

from mint_sandbox.solana.ledger import Ledger
from mint_sandbox.solana.vm import VirtualMachine


def save(ledger: Ledger, path: Path) -> None:
    """Write the ledger and its accounts; the file is whole or as it was before."""
    content: tuple[Ledger, dict[Pubkey, Account]] = (ledger, ledger.written_accounts())
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        pickle.dump(content, file)
    Path(temporary).replace(path)


def load(path: Path, vm: VirtualMachine) -> Ledger | None:
    """The ledger that `save` wrote, going on in a fresh machine; None if there is no file."""
    if not path.exists():
        return None
    ledger: Ledger
    with path.open("rb") as file:
        ledger, accounts = pickle.load(file)  # noqa: S301 - the sandbox's own file
    ledger.resume(vm, accounts)
    return ledger

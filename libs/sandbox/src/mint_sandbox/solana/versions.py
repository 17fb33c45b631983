"""What an account was at each commitment, kept no longer than until it is finalized. Pure.

The virtual machine knows only the newest state. For every account written in a block that is not
finalized yet, its earlier states are kept here, with the slot from which each one held.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from solders.account import Account
from solders.pubkey import Pubkey

_BEFORE_ALL = -1


class AccountVersions:
    """The states of recently written accounts, by the slot in which they were written."""

    def __init__(self) -> None:
        self._versions: dict[Pubkey, list[tuple[int, Account | None]]] = {}
        self._written: defaultdict[int, set[Pubkey]] = defaultdict(set)

    def record(self, slot: int, key: Pubkey, before: Account | None, after: Account | None) -> None:
        """Note that a transaction in `slot` turned the account from `before` into `after`."""
        versions = self._versions.setdefault(key, [(_BEFORE_ALL, before)])
        if versions[-1][0] == slot:
            versions.pop()
        versions.append((slot, after))
        self._written[slot].add(key)

    def __contains__(self, key: Pubkey) -> bool:
        """Whether the account was written in a block that is not finalized."""
        return key in self._versions

    def at(self, slot: int, key: Pubkey) -> Account | None:
        """The account as it was at the end of `slot`; only for accounts that are contained."""
        return next(state for since, state in reversed(self._versions[key]) if since <= slot)

    def unsettled(self) -> Collection[Pubkey]:
        """The accounts written in blocks that are not finalized."""
        return self._versions.keys()

    def finalize(self, slot: int) -> None:
        """Forget what nobody can read any more now that `slot` is finalized."""
        for done in [written for written in self._written if written <= slot]:
            for key in self._written.pop(done):
                self._compact(key, slot)

    def _compact(self, key: Pubkey, slot: int) -> None:
        versions = self._versions.get(key, [])
        while len(versions) > 1 and versions[1][0] <= slot:
            del versions[0]
        if len(versions) == 1:
            del self._versions[key]

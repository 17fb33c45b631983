"""Which token accounts a wallet or a mint has, so that a query need not scan all accounts. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from solders.pubkey import Pubkey

from mint_sandbox.solana.token_accounts import Holding


class TokenIndex:
    """Candidates by wallet and by mint; whoever asks reads them at the commitment wanted."""

    def __init__(self) -> None:
        self._by_owner: defaultdict[Pubkey, dict[Pubkey, None]] = defaultdict(dict)
        self._by_mint: defaultdict[Pubkey, dict[Pubkey, None]] = defaultdict(dict)

    def note(self, key: Pubkey, holding: Holding) -> None:
        """The token account `key` was seen with this content."""
        self._by_owner[holding.owner][key] = None
        self._by_mint[holding.mint][key] = None

    def of_owner(self, owner: Pubkey) -> Collection[Pubkey]:
        """Every token account that was ever the wallet's, in order of appearance."""
        return self._by_owner.get(owner, {}).keys()

    def of_mint(self, mint: Pubkey) -> Collection[Pubkey]:
        """Every token account that was ever of the mint, in order of appearance."""
        return self._by_mint.get(mint, {}).keys()

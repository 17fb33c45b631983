"""What the demo mints: heroes of several levels for several users, and one mistake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice

from solders.keypair import Keypair
from solders.pubkey import Pubkey

from mint_chain.addresses import token_account_address
from mint_events.catalogue import Attribute, MintRequested
from trimint.demo.picture import picture

NAMES = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy")
MINTS_PER_USER = 3
"""About so many: each user's mints go one after the other, those of different users at once."""

LEVELS = (1, 5, 7, 10, 25, 42, 50, 77, 99, 100)
SYMBOL = "HERO"
INVALID_FIELD = "wallet"
"""What is wrong with the request that is to be turned away."""


@dataclass(frozen=True, slots=True)
class Collection:
    """Requests that are to be completed, and one that is to be rejected for its wallet."""

    valid: tuple[MintRequested, ...]
    invalid: MintRequested

    @property
    def requests(self) -> tuple[MintRequested, ...]:
        """All of them, the invalid one in their midst."""
        middle = len(self.valid) // 2
        return (*self.valid[:middle], self.invalid, *self.valid[middle:])

    @property
    def wallets(self) -> tuple[str, ...]:
        """The users' wallets, each once."""
        return tuple(dict.fromkeys(request.wallet for request in self.valid))


def collection(mints: int) -> Collection:
    """`mints` valid requests, and the invalid one; wallets are new ones."""
    users = user_names(-(-mints // MINTS_PER_USER))
    wallets = {user: Keypair().pubkey() for user in users}
    digits = len(str(mints))
    requests = [
        _request(f"hero-{number:0{digits}}", number, user, wallets[user], level)
        for number, (user, level) in enumerate(
            islice(zip(cycle(users), cycle(LEVELS), strict=False), mints), start=1
        )
    ]
    return Collection(tuple(requests), _mistaken(users[0], wallets[users[0]]))


def user_names(count: int) -> Sequence[str]:
    """`count` different users: the usual ones first, then numbered."""
    rounds = range(-(-count // len(NAMES)))
    return [f"{name}{number or ''}" for number in rounds for name in NAMES][:count]


def _request(mint_id: str, number: int, user: str, wallet: Pubkey, level: int) -> MintRequested:
    return MintRequested(
        mint_id=mint_id,
        user_id=user,
        wallet=str(wallet),
        name=f"Hero #{number}",
        symbol=SYMBOL,
        level=level,
        description=f"Proves that {user} has reached level {level}.",
        image=picture(number, level),
        seller_fee_basis_points=500,
        attributes=(Attribute(trait_type="Guild", value=f"Guild of {user.title()}"),),
    )


def _mistaken(user: str, wallet: Pubkey) -> MintRequested:
    """A usual mistake: the address of a token account, which no key signs for, as wallet."""
    mint = Keypair().pubkey()
    return _request("hero-wrong", 0, user, token_account_address(wallet, mint), LEVELS[0])

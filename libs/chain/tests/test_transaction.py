from __future__ import annotations

import pytest
from solders.hash import Hash
from solders.keypair import Keypair
from solders.transaction import Transaction

from mint_chain.instructions import missing_steps
from mint_chain.nft import ABSENT, Nft
from mint_chain.transaction import MAX_TRANSACTION_BYTES, sign
from mint_resilience.failures import Permanent

AUTHORITY = Keypair.from_seed(bytes(32))


def nft(uri: str) -> Nft:
    return Nft(
        mint_id="mint-1",
        authority=AUTHORITY.pubkey(),
        wallet=AUTHORITY.pubkey(),
        name="name",
        symbol="symbol",
        uri=uri,
        seller_fee_basis_points=0,
        creators=(),
        collection=None,
        is_mutable=True,
    )


def test_the_same_mint_on_the_same_blockhash_gives_the_same_bytes() -> None:
    steps = missing_steps(nft("ipfs://x"), ABSENT, rent=1)

    one, other = (sign(steps, AUTHORITY, Hash.default(), units=1, price=1) for _ in range(2))

    assert one == other
    assert Transaction.from_bytes(one.raw).signatures == [one.signature]


@pytest.mark.parametrize("change", [{"price": 2}, {"units": 2}])
def test_another_price_or_limit_is_another_signature(change: dict[str, int]) -> None:
    steps = missing_steps(nft("ipfs://x"), ABSENT, rent=1)
    wanted = {"units": 1, "price": 1}

    one = sign(steps, AUTHORITY, Hash.default(), **wanted)
    other = sign(steps, AUTHORITY, Hash.default(), **{**wanted, **change})

    assert one.signature != other.signature


def test_later_steps_that_do_not_fit_are_left_for_the_next_transaction() -> None:
    create, describe, close = missing_steps(nft("u" * 1000), ABSENT, rent=1)

    signed = sign([create, describe, close], AUTHORITY, Hash.default(), units=1, price=1)

    assert len(signed.raw) <= MAX_TRANSACTION_BYTES
    assert signed == sign([create], AUTHORITY, Hash.default(), units=1, price=1)


def test_a_step_that_is_too_large_by_itself_is_refused() -> None:
    _, describe, _ = missing_steps(nft("u" * 1000), ABSENT, rent=1)

    with pytest.raises(Permanent, match="1232 bytes of a transaction: shorten name or URI"):
        sign([describe], AUTHORITY, Hash.default(), units=1, price=1)

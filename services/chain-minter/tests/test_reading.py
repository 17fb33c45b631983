"""Who is heard and who is believed, for every order in which endpoints may have read."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from solders.keypair import Keypair

from chain_minter.chain import Report
from chain_minter.confirmation import Commitment, Found, Status
from chain_minter.goals import Goal, NewUri, WholeNft
from chain_minter.reading import found_by_each, recent, settled_slot
from chain_minter.submission import Submission
from mint_chain.accounts import MasterEdition, Metadata, TokenMint
from mint_chain.nft import ABSENT, Nft, OnChain
from mint_events.catalogue import MintSubmitted
from mint_events.envelope import root
from mint_resilience.failures import Permanent, Transient

AUTHORITY = Keypair.from_seed(bytes(32)).pubkey()
MINT = Keypair.from_seed(bytes([1] * 32)).pubkey()
WHOLE, PART = Found.WHOLE, Found.PART
LAST_VALID = 500
GOAL = NewUri(mint_id="mint-1", mint=MINT, authority=AUTHORITY, uri="new", since_slot=0)
NFT = Nft(
    mint_id="mint-1",
    authority=AUTHORITY,
    wallet=AUTHORITY,
    name="n",
    symbol="s",
    uri="old",
    seller_fee_basis_points=0,
    creators=(),
    collection=None,
    is_mutable=True,
)


def naming(uri: str, *, is_mutable: bool = True) -> OnChain:
    metadata = Metadata(
        update_authority=AUTHORITY,
        mint=MINT,
        name="n",
        symbol="s",
        uri=uri,
        seller_fee_basis_points=0,
        creators=(),
        primary_sale_happened=False,
        is_mutable=is_mutable,
        token_standard=0,
        collection=None,
        uses=None,
        sized=False,
    )
    mint = TokenMint(mint_authority=None, supply=1, decimals=0, freeze_authority=None)
    return OnChain(mint=mint, metadata=metadata, edition=MasterEdition(supply=0, max_supply=0))


OLD, NEW = naming("old"), naming("new")


def report(
    slot: int, there: OnChain, *, landed: int | None = None, height: int = 400, finalized: int = 0
) -> Report:
    """One that was read at `slot`; our transaction landed at `landed` by its word."""
    commitment = Commitment.CONFIRMED
    status = None if landed is None else Status(commitment=commitment, slot=landed, error=None)
    return Report(
        endpoint=f"of {slot}",
        status=status,
        finalized_height=height,
        finalized_slot=finalized or slot - 32,
        read_slot=slot,
        there=there,
    )


def pending() -> Submission:
    event = MintSubmitted(
        mint_id="mint-1",
        mint_address=str(MINT),
        attempt=1,
        signature="signature",
        transaction=b"signed",
        blockhash="hash",
        last_valid_block_height=LAST_VALID,
        endpoint="primary",
        priority_fee=1,
        compute_unit_limit=1,
        uri="new",
    )
    envelope = root(event, id=uuid4(), source="test", time=datetime(2026, 1, 1, tzinfo=UTC))
    return Submission(envelope, event, taken=True)


def found(
    *reports: Report,
    goal: Goal = GOAL,
    submission: Submission | None = None,
    everywhere: bool = True,
) -> list[Found]:
    return found_by_each(goal, reports, submission, everywhere=everywhere)


@pytest.mark.requirement("CH-5", "CH-10")
def test_who_has_not_got_to_the_newest_change_is_not_heard() -> None:
    behind, level, ahead = report(9, NEW), report(10, NEW), report(11, NEW)

    assert recent([behind, level, ahead], MINT, 10) == [level, ahead]
    with pytest.raises(Transient, match=f"slot 10, where {MINT}"):
        recent([behind], MINT, 10)


@pytest.mark.requirement("CH-5", "CH-10")
@pytest.mark.parametrize("reports", [(OLD, NEW), (NEW, OLD)])
def test_of_a_uri_who_has_read_last_is_believed(reports: tuple[OnChain, OnChain]) -> None:
    earlier, later = reports
    believed = WHOLE if later is NEW else PART

    assert found(report(10, earlier), report(20, later)) == 2 * [believed]
    assert found(report(20, later), report(10, earlier)) == 2 * [believed]


@pytest.mark.requirement("CH-4")
def test_of_a_whole_nft_whoever_has_seen_it_is_believed() -> None:
    reports = (report(10, OLD), report(20, ABSENT))

    assert found(*reports, goal=WholeNft(NFT)) == [WHOLE, Found.ABSENT]


@pytest.mark.requirement("CH-10")
def test_what_was_read_before_our_transaction_landed_says_nothing() -> None:
    assert found(report(19, NEW, landed=20), submission=pending()) == [PART]
    assert found(report(20, NEW, landed=20), submission=pending()) == [WHOLE]
    assert found(report(20, OLD, landed=20), submission=pending()) == [PART]


@pytest.mark.requirement("CH-10")
def test_that_it_landed_may_be_known_to_another_than_who_has_read_last() -> None:
    reports = (report(15, OLD, landed=20), report(25, NEW))

    assert found(*reports, submission=pending()) == [WHOLE, WHOLE]


@pytest.mark.requirement("CH-10")
@pytest.mark.parametrize("height", [LAST_VALID, LAST_VALID + 1])
def test_while_our_transaction_may_land_what_is_read_may_be_of_before_it(height: int) -> None:
    """It is not seen to have landed; what is read after its life is not of before."""
    seen = report(100, NEW, height=height, finalized=68)

    believed = WHOLE if height > LAST_VALID else PART
    assert found(seen, submission=pending()) == [believed]
    assert found(seen, submission=pending(), everywhere=False) == [PART]


@pytest.mark.requirement("CH-10")
def test_a_height_of_later_than_what_was_read_says_nothing_of_it() -> None:
    seen = report(60, NEW, height=LAST_VALID + 1, finalized=68)

    assert found(seen, submission=pending()) == [PART]


@pytest.mark.requirement("CH-10")
def test_what_is_settled_is_what_most_have_finalized_or_where_it_landed() -> None:
    reports = [report(slot, OLD, finalized=slot) for slot in (10, 20, 9_999)]

    assert settled_slot(reports) == 20
    assert settled_slot([*reports, report(5, OLD, landed=30, finalized=5)]) == 30


@pytest.mark.requirement("CH-10")
def test_an_update_finds_no_nft_absent_and_makes_none() -> None:
    assert GOAL.found(ABSENT) is PART
    with pytest.raises(Permanent, match="no metadata account"):
        GOAL.missing(ABSENT, rent=1)
    with pytest.raises(Permanent, match="immutable"):
        GOAL.missing(naming("old", is_mutable=False), rent=1)
    ((instruction,),) = GOAL.missing(OLD, rent=1)
    assert instruction.data[0] == 15

"""The verdict on each layer is what the evidence allows, and no more."""

from __future__ import annotations

import pytest

from mint_events import catalogue as c
from mint_events.state import ConsistencyRow, MintState, Verdict, consistency_rows, fold

from . import histories as h

ON_CHAIN = (
    h.request(),
    h.accepted(h.request()),
    h.pinned(),
    h.prepared(),
    h.submitted(),
    h.confirmed(),
)
FAILED, INCONCLUSIVE = c.CheckOutcome.FAILED, c.CheckOutcome.INCONCLUSIVE


def rows(*events: c.Event) -> dict[str, ConsistencyRow]:
    return {row.layer: row for row in consistency_rows(fold(h.MINT, h.in_order(*events)))}


def test_nothing_is_said_of_a_mint_that_nobody_asked_for() -> None:
    assert consistency_rows(MintState(mint_id=h.MINT)) == ()


@pytest.mark.requirement("RE-2")
def test_what_was_not_checked_is_pending() -> None:
    seen = rows(*ON_CHAIN)
    assert {row.verdict for row in seen.values()} == {Verdict.PENDING}
    assert (seen["solana"].expected, seen["solana"].seen) == (h.ADDRESS, h.ADDRESS)
    assert (seen["ipfs"].expected, seen["ipfs"].seen) == ("bafymeta", "bafymeta")
    assert seen["solana"].since == h.at(0)


@pytest.mark.requirement("RE-2")
def test_a_layer_whose_checks_passed_is_consistent_since_the_oldest_of_them() -> None:
    seen = rows(*ON_CHAIN, h.check("solana"), h.check("ipfs"))
    assert seen["solana"].verdict is Verdict.CONSISTENT
    assert seen["solana"].since == h.at(len(ON_CHAIN))
    assert seen["database"].verdict is Verdict.PENDING


@pytest.mark.requirement("RE-2")
def test_a_failed_check_makes_its_layer_inconsistent_until_it_passes() -> None:
    broken = (*ON_CHAIN, h.check("ipfs", 1, FAILED))
    assert rows(*broken)["ipfs"].verdict is Verdict.INCONSISTENT
    assert rows(*broken)["solana"].verdict is Verdict.PENDING
    assert rows(*broken, h.check("ipfs", 2))["ipfs"].verdict is Verdict.CONSISTENT


@pytest.mark.requirement("VE-5")
def test_a_check_that_could_not_decide_is_never_taken_for_passed() -> None:
    assert rows(*ON_CHAIN, h.check("ipfs", 1, INCONCLUSIVE))["ipfs"].verdict is Verdict.UNKNOWN


def test_passed_checks_of_a_mint_whose_confirmation_is_not_read_yet_do_not_suffice() -> None:
    assert rows(*ON_CHAIN[:-1], h.check("solana"))["solana"].verdict is Verdict.PENDING


@pytest.mark.requirement("MF-9")
def test_a_failed_mint_is_consistent_once_nothing_of_it_is_pinned() -> None:
    unpinned = c.AssetsUnpinned(mint_id=h.MINT, cids=("bafyimage",))
    broken = (*ON_CHAIN[:2], h.pin_failed(h.asset("bafyimage")), h.failed())
    assert rows(*broken)["ipfs"].seen == "bafyimage"
    assert rows(*broken)["ipfs"].verdict is Verdict.PENDING
    assert rows(*broken, unpinned)["ipfs"].verdict is Verdict.CONSISTENT
    assert rows(*broken)["solana"].verdict is Verdict.CONSISTENT

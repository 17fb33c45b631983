"""What is known of a submission: for what it was signed, and what it counts for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from chain_minter.submission import Submission
from mint_events.catalogue import MintFailed, MintSubmitted
from mint_events.envelope import Envelope, caused_by, root

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def cause() -> Envelope:
    event = MintFailed(mint_id="mint-1", user_id="user", detail="anything")
    return root(event, id=uuid4(), source="test", time=NOW)


def submission(of: Envelope, uri: str | None, *, attempt: int = 3) -> Submission:
    event = MintSubmitted(
        mint_id="mint-1",
        mint_address="mint",
        attempt=attempt,
        signature="second",
        transaction=b"signed",
        blockhash="hash",
        last_valid_block_height=150,
        endpoint="primary",
        priority_fee=1,
        compute_unit_limit=1,
        earlier=("first",),
        uri=uri,
    )
    return Submission(caused_by(of, event, source="test", time=NOW), event, taken=False)


@pytest.mark.requirement("CH-8", "CH-10")
def test_an_update_belongs_to_the_request_that_asked_for_it() -> None:
    request, another = cause(), cause()
    signed = submission(request, "a")

    assert signed.is_for("a", request)
    assert not signed.is_for("a", another)
    assert not signed.is_for("b", request)
    assert not signed.is_for(None, request)


@pytest.mark.requirement("CH-8")
def test_what_makes_the_nft_belongs_to_the_mint_whoever_asks() -> None:
    signed = submission(cause(), None)

    assert signed.is_for(None, cause())
    assert not signed.is_for("a", cause())


@pytest.mark.requirement("CH-8", "CH-10")
def test_for_something_else_it_is_no_attempt_and_patience_begins_with_the_wait() -> None:
    later = NOW + timedelta(hours=1)

    waited_for = submission(cause(), "a").signed_for_another(later)

    assert waited_for.attempt == 0
    assert waited_for.signed_at == later
    assert waited_for.signature == "second"
    assert waited_for.last_valid_block_height == 150

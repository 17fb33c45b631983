"""Given the demo's collection, when the layers are looked at, then every fault is found."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from PIL import Image

from mint_chain.addresses import parse_wallet
from mint_content.accepted import AcceptedMedia
from mint_content.media import media_type
from mint_events import catalogue as c
from mint_resilience.failures import Permanent
from trimint.demo.audit import Seen, faults
from trimint.demo.collection import INVALID_FIELD, Collection, collection, user_names
from trimint.demo.picture import picture
from trimint.progress import Progress, Step, begin
from trimint.requests import faults_of

from .conftest import BEGIN, Life


@pytest.fixture(scope="module")
def heroes() -> Collection:
    return collection(7)


def completed(request: c.MintRequested, life: Life) -> Progress:
    progress = begin(life.envelope(request), request)
    reported = c.MintStateReported(
        mint_id=request.mint_id, status="completed", mint_address=f"nft-{request.mint_id}"
    )
    step = Step("completed", BEGIN)
    return replace(progress, reported=reported, steps=(*progress.steps, step))


def rejected(request: c.MintRequested, life: Life, field: str) -> Progress:
    rejection = c.MintRejected(
        mint_id=request.mint_id,
        user_id=request.user_id,
        reason=c.RejectionReason.INVALID_FIELD,
        field=field,
        detail="",
    )
    progress = begin(life.envelope(request), request)
    return replace(progress, rejection=rejection, steps=(Step("rejected", BEGIN),))


@pytest.fixture
def done(heroes: Collection, life: Life) -> list[Progress]:
    good = [completed(request, life) for request in heroes.valid]
    return [*good, rejected(heroes.invalid, life, INVALID_FIELD)]


@pytest.fixture
def seen(heroes: Collection) -> Seen:
    ids = [request.mint_id for request in heroes.valid]
    return Seen(
        tokens=tuple(f"nft-{mint_id}" for mint_id in ids),
        consistent=dict.fromkeys(ids, 3),
        events={},
    )


def test_the_collection_is_valid_but_for_one_wallet(heroes: Collection) -> None:
    assert [list(faults_of(request, AcceptedMedia())) for request in heroes.valid] == [[]] * 7
    with pytest.raises(Permanent, match="off the ed25519 curve"):
        parse_wallet(heroes.invalid.wallet)
    assert len({request.mint_id for request in heroes.requests}) == 8
    assert len({request.level for request in heroes.valid}) > 3


@pytest.mark.parametrize(("mints", "users"), [(1, 1), (12, 4), (200, 67)])
def test_there_are_as_many_users_as_a_collection_needs(mints: int, users: int) -> None:
    assert len(collection(mints).wallets) == users
    assert len(set(user_names(users))) == users


def test_a_picture_is_a_real_png_of_its_own() -> None:
    first, second = picture(1, 7), picture(2, 7)

    assert media_type(first) == "image/png"
    assert Image.open(io.BytesIO(first)).size == (256, 256)
    assert first != second
    assert first == picture(1, 7)


def test_when_all_is_right_no_fault_is_found(
    heroes: Collection, done: list[Progress], seen: Seen
) -> None:
    assert faults(heroes, done, seen) == []


def test_a_mint_that_did_not_complete_is_a_fault(
    heroes: Collection, done: list[Progress], seen: Seen, life: Life
) -> None:
    done[0] = begin(life.envelope(heroes.valid[0]), heroes.valid[0])

    found = faults(heroes, done, seen)

    assert "hero-1 is requested" in found[0]
    assert found[1:] == ["there is one token nft-hero-1 too many"]


@pytest.mark.parametrize("at_fault", ["level", ""])
def test_an_invalid_request_that_was_not_rejected_for_its_wallet_is_a_fault(
    heroes: Collection, done: list[Progress], seen: Seen, life: Life, at_fault: str
) -> None:
    invalid = heroes.invalid
    done[-1] = rejected(invalid, life, at_fault) if at_fault else completed(invalid, life)

    (fault,) = faults(heroes, done, seen)

    assert "expected rejected for its wallet" in fault


def test_a_second_token_on_chain_is_a_fault(
    heroes: Collection, done: list[Progress], seen: Seen
) -> None:
    doubled = replace(seen, tokens=(*seen.tokens, "nft-hero-2", "stranger"))

    assert faults(heroes, done, doubled) == [
        "there is one token nft-hero-2 too many",
        "there is one token stranger too many",
    ]


def test_a_token_that_is_missing_is_a_fault(
    heroes: Collection, done: list[Progress], seen: Seen
) -> None:
    found = faults(heroes, done, replace(seen, tokens=seen.tokens[1:]))

    assert found == ["the token nft-hero-1 is not on chain"]


def test_a_layer_that_is_not_consistent_is_a_fault(
    heroes: Collection, done: list[Progress], seen: Seen
) -> None:
    found = faults(heroes, done, replace(seen, consistent={**seen.consistent, "hero-3": 2}))

    assert found == ["hero-3: 2 of 3 layers are consistent"]

"""Given a mint's expectation, when gateways answer, then this is said of its content."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mint_events.catalogue import CheckOutcome
from mint_resilience.failures import AllUnavailable, Failure, Outage, Permanent, RateLimited
from verifier.checks import ipfs
from verifier.checks.ipfs import GatewayAnswer
from verifier.expectation import Expectation

GONE = Permanent("HTTP 404")
DOWN = Outage("refused")


def answer(content: bytes | None, failure: Failure | None = None, name: str = "a") -> GatewayAnswer:
    return GatewayAnswer(f"https://{name}", content, failure)


@pytest.mark.requirement("VE-1")
def test_the_right_document_passes_both_checks(expected: Expectation, document: bytes) -> None:
    seen = answer(document)

    assert ipfs.metadata_retrievable(expected, seen).outcome is CheckOutcome.PASSED
    assert ipfs.metadata_level(expected, seen).outcome is CheckOutcome.PASSED


@pytest.mark.requirement("VE-1")
def test_content_that_no_gateway_has_fails_retrieval_and_leaves_the_level_undecided(
    expected: Expectation,
) -> None:
    seen = answer(None, GONE)

    assert ipfs.metadata_retrievable(expected, seen).outcome is CheckOutcome.FAILED
    assert ipfs.metadata_level(expected, seen).outcome is CheckOutcome.INCONCLUSIVE


@pytest.mark.requirement("VE-1")
def test_another_level_than_requested_fails_the_level_alone(
    expected: Expectation, document: bytes
) -> None:
    wanted = replace(expected, level=8)

    verdict = ipfs.metadata_level(wanted, answer(document))

    assert ipfs.metadata_retrievable(wanted, answer(document)).outcome is CheckOutcome.PASSED
    assert verdict.outcome is CheckOutcome.FAILED
    assert verdict.evidence["level"] == "expected 8, saw 7"


@pytest.mark.requirement("VE-1")
def test_a_document_without_the_animation_that_was_pinned_fails(
    expected: Expectation, document: bytes
) -> None:
    wanted = replace(expected, animation_cid=expected.image_cid)

    verdict = ipfs.metadata_level(wanted, answer(document))

    assert verdict.outcome is CheckOutcome.FAILED
    assert verdict.evidence["animation_url"].endswith("saw None")


@pytest.mark.parametrize("content", [b"", b"<html>", b"{}", b'{"name": "Hero #1"}'])
def test_a_document_that_is_no_metadata_fails_and_says_why(
    expected: Expectation, content: bytes
) -> None:
    verdict = ipfs.metadata_level(expected, answer(content))

    assert verdict.outcome is CheckOutcome.FAILED
    assert "metadata document" in verdict.evidence["document"]


@pytest.mark.requirement("VE-2")
@pytest.mark.parametrize(
    ("answers", "required", "outcome"),
    [
        ([b"x", b"x", b"x"], 2, CheckOutcome.PASSED),
        ([b"x", b"x", GONE], 2, CheckOutcome.PASSED),
        ([b"x", b"x", DOWN], 2, CheckOutcome.PASSED),
        ([b"x", GONE, GONE], 2, CheckOutcome.FAILED),
        ([b"x", GONE, DOWN], 2, CheckOutcome.INCONCLUSIVE),
        ([GONE, GONE, DOWN], 2, CheckOutcome.FAILED),
        ([DOWN, DOWN, DOWN], 1, CheckOutcome.INCONCLUSIVE),
        ([GONE, GONE, GONE], 1, CheckOutcome.FAILED),
    ],
)
def test_content_is_available_from_k_of_n_gateways(
    expected: Expectation,
    answers: list[bytes | Failure],
    required: int,
    outcome: CheckOutcome,
) -> None:
    seen = [
        answer(None, a, str(n)) if isinstance(a, Failure) else answer(a, None, str(n))
        for n, a in enumerate(answers)
    ]

    assert ipfs.metadata_available(expected, seen, required=required).outcome is outcome


@given(st.lists(st.sampled_from([b"x", GONE, DOWN]), min_size=1, max_size=6), st.integers(1, 6))
def test_enough_good_answers_pass_and_silence_never_fails(
    expected: Expectation, answers: list[bytes | Failure], required: int
) -> None:
    seen = [
        answer(None, a, str(n)) if isinstance(a, Failure) else answer(a, None, str(n))
        for n, a in enumerate(answers)
    ]

    outcome = ipfs.metadata_available(expected, seen, required=required).outcome

    good, denied = answers.count(b"x"), answers.count(GONE)
    assert (outcome is CheckOutcome.PASSED) == (good >= required)
    assert (outcome is CheckOutcome.FAILED) == (len(answers) - denied < required)


@pytest.mark.requirement("NR-1", "VE-5")
def test_too_few_gateways_name_the_class_of_who_can_be_asked_again_first(
    expected: Expectation,
) -> None:
    patient = RateLimited("wants patience", retry_after=20.0)
    not_asked = AllUnavailable("its breaker is open", retry_after=0.5)
    seen = [answer(None, f, str(n)) for n, f in enumerate([not_asked, patient, DOWN, GONE])]

    verdict = ipfs.metadata_available(expected, seen, required=2)

    assert verdict.failure is DOWN
    assert verdict.evidence["https://1"] == "rate_limited: wants patience"
    assert verdict.evidence["https://2"].startswith(f"{DOWN.kind}: ")


@pytest.mark.requirement("VE-2")
def test_an_image_passes_if_its_bytes_are_the_requested_ones(
    expected: Expectation, image: bytes
) -> None:
    seen = [answer(image, name="a"), answer(image, name="b")]

    assert ipfs.image_available(expected, seen, required=2).outcome is CheckOutcome.PASSED


@pytest.mark.requirement("VE-2")
def test_an_image_of_another_hash_fails_however_available_it_is(
    expected: Expectation, image: bytes
) -> None:
    seen = [answer(image, name="a"), answer(image + b"!", name="b")]

    verdict = ipfs.image_available(expected, seen, required=1)

    assert verdict.outcome is CheckOutcome.FAILED
    assert f"expected {expected.image_sha256}" in verdict.evidence["sha256"]


@pytest.mark.requirement("VE-2")
@pytest.mark.parametrize(
    ("seen", "outcome"),
    [
        ([b"video", b"video"], CheckOutcome.PASSED),
        ([b"video", b"video!"], CheckOutcome.FAILED),
        ([b"video", GONE], CheckOutcome.FAILED),
    ],
)
def test_an_animation_is_judged_like_an_image(
    expected: Expectation, seen: list[bytes | Failure], outcome: CheckOutcome
) -> None:
    wanted = replace(expected, animation_sha256=sha256(b"video").hexdigest())
    answers = [answer(None, a) if isinstance(a, Failure) else answer(a) for a in seen]

    assert ipfs.animation_available(wanted, answers, required=2).outcome is outcome

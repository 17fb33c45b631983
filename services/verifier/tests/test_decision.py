"""Given the attempts of a check, when they are weighed, then this is the conclusion."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mint_events.catalogue import CheckOutcome
from mint_resilience.failures import AllUnavailable, Outage, RateLimited
from verifier.catalogue import Check
from verifier.decision import Attempt, decide
from verifier.verdict import failed, passed, undecided

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def attempt(said: str, endpoint: str = "a") -> Attempt:
    """`+` passed, `-` failed, `?` undecided, `x` nobody there, `o` not asked."""
    if said in "xo":
        failure = Outage("refused") if said == "x" else AllUnavailable("its breaker is open")
        return Attempt(endpoint=endpoint, at=NOW, latency=1.0, failure=failure)
    verdict = {"+": passed, "-": failed, "?": undecided}[said](said=said)
    return Attempt(endpoint=endpoint, at=NOW, latency=1.0, verdict=verdict)


@pytest.mark.requirement("VE-5")
@pytest.mark.parametrize(
    ("attempts", "denials", "outcome"),
    [
        pytest.param("a+", 1, "passed", id="one pass is enough"),
        pytest.param("a- b+", 2, "passed", id="another endpoint saw it"),
        pytest.param("ax b+", 2, "passed", id="an endpoint was down"),
        pytest.param("a-", 1, "inconclusive", id="a failure that was seen once"),
        pytest.param("a- a-", 1, "failed", id="the only endpoint says it twice"),
        pytest.param("a- a- a-", 2, "inconclusive", id="one of two endpoints says it thrice"),
        pytest.param("a- bx a-", 2, "inconclusive", id="the other endpoint is down"),
        pytest.param("a- bo a-", 2, "inconclusive", id="the other endpoint was not asked"),
        pytest.param("ao bo", 2, "inconclusive", id="nobody was asked"),
        pytest.param("a- b-", 2, "failed", id="two endpoints say it"),
        pytest.param("a- bx c-", 2, "failed", id="two of three endpoints say it"),
        pytest.param("ax bx", 2, "inconclusive", id="nobody is there"),
        pytest.param("a? a?", 1, "inconclusive", id="it says neither yes nor no"),
    ],
)
def test_a_failure_counts_only_when_enough_endpoints_say_so(
    attempts: str, denials: int, outcome: str
) -> None:
    tried = [attempt(each[1], each[0]) for each in attempts.split()]

    examined = decide(Check.MINT_ACCOUNT, tried, denials=denials)

    assert examined.outcome == outcome


@pytest.mark.requirement("NR-3")
def test_an_endpoint_that_was_not_asked_is_no_attempt() -> None:
    tried = [attempt("o", "a"), attempt("x", "b"), attempt("o", "a")]

    examined = decide(Check.MINT_ACCOUNT, tried, denials=2)

    assert (examined.attempts, examined.failure) == (1, "unavailable")


@pytest.mark.requirement("VE-4")
def test_the_deciding_attempt_gives_endpoint_latency_and_evidence() -> None:
    tried = [attempt("x", "a"), attempt("+", "b")]

    examined = decide(Check.MINT_ACCOUNT, tried, denials=1)

    assert (examined.endpoint, examined.failure) == ("b", None)
    assert examined.evidence == {"said": "+"}


@pytest.mark.requirement("NR-1", "VE-4")
def test_an_inconclusive_check_names_the_class_of_the_failure() -> None:
    examined = decide(Check.MINT_ACCOUNT, [attempt("-", "a"), attempt("x", "b")], denials=2)

    assert (examined.endpoint, examined.failure) == ("b", "outage")
    assert examined.evidence == {"failure": "refused"}


@pytest.mark.requirement("NR-1", "VE-4")
def test_so_does_one_of_several_endpoints_of_which_some_gave_no_answer() -> None:
    verdict = replace(undecided(retrieved="1 of 3"), failure=RateLimited("wants patience"))
    tried = [Attempt(endpoint="a, b, c", at=NOW, latency=1.0, verdict=verdict)]

    examined = decide(Check.METADATA_AVAILABLE, tried, denials=1)

    assert examined.failure == "rate_limited"
    assert examined.evidence == {"retrieved": "1 of 3"}


@pytest.mark.requirement("VE-5")
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("+-?xo")), min_size=1),
    st.integers(1, 3),
)
def test_what_nobody_saw_pass_is_never_passed(tries: list[tuple[str, str]], denials: int) -> None:
    tried = [attempt(said, endpoint) for endpoint, said in tries]

    outcome = decide(Check.MINT_ACCOUNT, tried, denials=denials).outcome

    assert (outcome is CheckOutcome.PASSED) == any(said == "+" for _, said in tries)
    if all(said in "?xo" for _, said in tries):
        assert outcome is CheckOutcome.INCONCLUSIVE

"""What a check concludes, and why: expected and seen, field by field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mint_events.catalogue import CheckOutcome
from mint_resilience.failures import (
    Deferred,
    Degraded,
    Failure,
    Outage,
    RateLimited,
    Transient,
)

_PASSING = (Transient, RateLimited, Degraded, Outage)

Evidence = Mapping[str, str]
"""What was seen, by name; where it is not what was expected, the text says both."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The conclusion from one look, with what it rests on, or with the failure that is in its way.

    The failure is for a look at several endpoints, of which some gave no answer.
    """

    outcome: CheckOutcome
    evidence: Evidence
    failure: Failure | None = None


def passed(**evidence: object) -> Verdict:
    """What was seen is what was expected."""
    return Verdict(CheckOutcome.PASSED, _texts(evidence))


def failed(**evidence: object) -> Verdict:
    """What was seen contradicts what was expected."""
    return Verdict(CheckOutcome.FAILED, _texts(evidence))


def undecided(**evidence: object) -> Verdict:
    """What was seen says neither yes nor no."""
    return Verdict(CheckOutcome.INCONCLUSIVE, _texts(evidence))


def compare(expected: Mapping[str, object], seen: Mapping[str, object]) -> Verdict:
    """Passed if every expected field was seen with the expected value, else failed."""
    evidence = {name: _side_by_side(value, seen.get(name)) for name, value in expected.items()}
    agree = all(seen.get(name) == value for name, value in expected.items())
    return Verdict(CheckOutcome.PASSED if agree else CheckOutcome.FAILED, evidence)


def soonest(failures: Iterable[Failure]) -> Failure | None:
    """The failure after which asking again has a chance first; None of none.

    One that passes by itself comes before one that does not, or that comes of not having asked.
    """
    return min(failures, key=lambda each: (not _is_passing(each), _wish(each)), default=None)


def _is_passing(failure: Failure) -> bool:
    return isinstance(failure, _PASSING) and not isinstance(failure, Deferred)


def _wish(failure: Failure) -> float:
    """Seconds for which its endpoint wants to be left alone."""
    return getattr(failure, "retry_after", None) or 0.0


def _side_by_side(expected: object, seen: object) -> str:
    return str(seen) if seen == expected else f"expected {expected}, saw {seen}"


def _texts(evidence: Mapping[str, object]) -> Evidence:
    return {name: str(value) for name, value in evidence.items()}

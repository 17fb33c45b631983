"""Given endpoints that answer so, when a probe is examined, then they are asked in this order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import pytest
from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.testing import capture_logs

from mint_events.catalogue import CheckOutcome
from mint_resilience.backoff import SAME_ENDPOINT, Backoff
from mint_resilience.budget import Budget, spending
from mint_resilience.failures import (
    AllUnavailable,
    Failure,
    Outage,
    Permanent,
    RateLimited,
    Transient,
)
from verifier.catalogue import Check
from verifier.examination import Examiner, Probe
from verifier.verdict import Verdict, failed, passed, undecided

NOW = datetime(2026, 1, 1, tzinfo=UTC)
A, B = Check.MINT_ACCOUNT, Check.TOKEN_ACCOUNT


def judge(seen: str) -> Verdict:
    return {"+": passed, "-": failed, "?": undecided}[seen](seen=seen)


FAILURES: dict[str, Failure] = {
    "x": Outage("refused"),
    "t": Transient("no reply"),
    "o": AllUnavailable("its breaker is open", retry_after=20.0),
    "l": RateLimited("slow down", retry_after=20.0),
    "p": Permanent("permission denied"),
}


class Scripted:
    """Endpoints that give these answers one after the other, and remember who was asked."""

    def __init__(self, **answers: str) -> None:
        self._answers: dict[str, Iterator[str]] = {n: iter(a) for n, a in answers.items()}
        self.endpoints = tuple(answers)
        self.asked: list[str] = []

    async def look(self, endpoint: str) -> str:
        self.asked.append(endpoint)
        answer = next(self._answers[endpoint])
        if answer in FAILURES:
            raise FAILURES[answer]
        return answer

    def probe(
        self, checks: Sequence[Check] = (A,), attempts: int = 3, denials: int = 1
    ) -> Probe[str]:
        judges: dict[Check, Callable[[str], Verdict]] = dict.fromkeys(checks, judge)
        return Probe(
            endpoints=self.endpoints,
            look=self.look,
            judges=judges,
            policy=policy(attempts),
            denials=denials,
        )


def policy(attempts: int = 1) -> Backoff:
    return Backoff(attempts=attempts, base=1.0, retried=(*SAME_ENDPOINT, Outage))


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def examiner(waits: list[float]) -> Examiner:
    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    return Examiner(now=lambda: NOW, clock=lambda: 0.0, sleep=sleep, random=lambda: 0.0)


async def test_a_check_that_passes_is_not_looked_at_again(examiner: Examiner) -> None:
    endpoints = Scripted(a="+")

    (examined,) = await examiner.examine_probe(endpoints.probe())

    assert examined.outcome is CheckOutcome.PASSED
    assert endpoints.asked == ["a"]


@pytest.mark.requirement("VE-5")
async def test_a_failed_check_is_run_again_through_another_endpoint_at_once(
    examiner: Examiner, waits: list[float]
) -> None:
    endpoints = Scripted(a="-", b="+")

    (examined,) = await examiner.examine_probe(endpoints.probe())

    assert (examined.outcome, examined.endpoint) == (CheckOutcome.PASSED, "b")
    assert endpoints.asked == ["a", "b"]
    assert waits == []


@pytest.mark.requirement("VE-4", "VE-5")
async def test_an_endpoint_is_asked_again_only_after_a_growing_wait(
    examiner: Examiner, waits: list[float]
) -> None:
    endpoints = Scripted(a="---")

    (examined,) = await examiner.examine_probe(endpoints.probe(attempts=3))

    assert (examined.outcome, examined.attempts) == (CheckOutcome.FAILED, 3)
    assert waits == [1.0, 2.0]


@pytest.mark.requirement("VE-5")
async def test_endpoints_that_are_all_down_leave_the_check_inconclusive(
    examiner: Examiner,
) -> None:
    endpoints = Scripted(a="xx", b="xx")

    (examined,) = await examiner.examine_probe(endpoints.probe(attempts=2, denials=2))

    assert examined.outcome is CheckOutcome.INCONCLUSIVE
    assert (examined.failure, examined.attempts) == ("outage", 4)


@pytest.mark.requirement("NR-1", "VE-4")
async def test_who_asks_for_patience_gets_it_and_more_attempts(
    examiner: Examiner, waits: list[float]
) -> None:
    endpoints = Scripted(a="llll+")

    (examined,) = await examiner.examine_probe(endpoints.probe(attempts=2))

    assert (examined.outcome, examined.attempts) == (CheckOutcome.PASSED, 5)
    assert waits == [20.0] * 4


@pytest.mark.requirement("NR-1")
async def test_the_next_round_begins_when_the_first_of_them_may_be_asked_again(
    examiner: Examiner, waits: list[float]
) -> None:
    endpoints = Scripted(a="ll", b="x+")

    (examined,) = await examiner.examine_probe(endpoints.probe())

    assert examined.outcome is CheckOutcome.PASSED
    assert waits == [1.0]


@pytest.mark.requirement("NR-3", "VE-5")
async def test_when_nobody_may_be_asked_the_check_is_inconclusive_at_once_and_nothing_is_spent(
    examiner: Examiner, waits: list[float]
) -> None:
    budget = Budget(attempts=5, seconds=60.0, clock=lambda: 0.0)
    with spending(budget):
        (examined,) = await examiner.examine_probe(Scripted(a="o", b="o").probe(denials=2))

    assert (examined.outcome, examined.failure) == (CheckOutcome.INCONCLUSIVE, "unavailable")
    assert (examined.attempts, waits, budget.attempts_left) == (0, [], 5)


@pytest.mark.requirement("NR-3", "VE-5")
async def test_one_endpoint_s_denial_does_not_count_while_the_other_may_not_be_asked(
    examiner: Examiner,
) -> None:
    endpoints = Scripted(a="---", b="ooo")

    (examined,) = await examiner.examine_probe(endpoints.probe(denials=2))

    assert (examined.outcome, examined.attempts) == (CheckOutcome.INCONCLUSIVE, 3)


@pytest.mark.requirement("NR-1")
async def test_an_answer_that_stays_the_same_is_not_asked_for_again(examiner: Examiner) -> None:
    endpoints = Scripted(a="p")

    (examined,) = await examiner.examine_probe(endpoints.probe())

    assert (examined.outcome, examined.failure) == (CheckOutcome.INCONCLUSIVE, "permanent")


@pytest.mark.requirement("NR-4")
async def test_the_checks_of_a_mint_share_the_budget_of_its_record(examiner: Examiner) -> None:
    budget = Budget(attempts=3, seconds=60.0, clock=lambda: 0.0)
    first, second = Scripted(a="ttttt"), Scripted(b="ttttt")
    with spending(budget):
        examined = await examiner.examine(
            [(first.probe([A], attempts=5),), (second.probe([B], attempts=5),)]
        )

    assert [e.outcome for e in examined] == [CheckOutcome.INCONCLUSIVE] * 2
    assert budget.attempts_left == 0
    assert len(first.asked) + len(second.asked) == 4


@pytest.mark.requirement("NR-4", "VE-5")
async def test_a_check_that_begins_after_the_time_of_its_record_is_inconclusive(
    examiner: Examiner,
) -> None:
    times = iter([0.0])
    endpoints = Scripted(a="+")
    with spending(Budget(attempts=3, seconds=60.0, clock=lambda: next(times, 61.0))):
        (examined,) = await examiner.examine_probe(endpoints.probe())

    assert (examined.outcome, examined.failure) == (CheckOutcome.INCONCLUSIVE, "exhausted")
    assert (examined.attempts, endpoints.asked) == (0, [])


@pytest.mark.requirement("OB-1", "NR-1")
async def test_a_failed_look_is_a_log_line_with_its_class_and_endpoint(examiner: Examiner) -> None:
    with (
        capture_logs(processors=[merge_contextvars]) as lines,
        bound_contextvars(mint_id="m-1"),  # as the consumer does
    ):
        await examiner.examine([(Scripted(a="x", b="+").probe(),)])

    (line,) = [line for line in lines if line["event"] == "look failed"]
    assert line["mint_id"] == "m-1"
    assert (line["failure"], line["endpoint"], line["checks"]) == ("outage", "a", [A])


async def test_one_look_serves_several_checks(examiner: Examiner) -> None:
    endpoints = Scripted(a="+")

    examined = await examiner.examine_probe(endpoints.probe([A, B]))

    assert [e.check for e in examined] == [A, B]
    assert endpoints.asked == ["a"]


async def test_a_look_waits_for_the_one_before_it_in_its_line(examiner: Examiner) -> None:
    first, second = Scripted(a="???"), Scripted(a="+")

    examined = await examiner.examine([(first.probe([A]), second.probe([B]))])

    assert [e.outcome for e in examined] == [CheckOutcome.INCONCLUSIVE] * 2
    assert second.asked == []
    assert examined[1].evidence == {"waits_for": A}


async def test_a_look_goes_on_after_one_that_failed(examiner: Examiner) -> None:
    first, second = Scripted(a="---"), Scripted(a="+")

    examined = await examiner.examine([(first.probe([A]), second.probe([B]))])

    assert [e.outcome for e in examined] == [CheckOutcome.FAILED, CheckOutcome.PASSED]


async def test_lines_do_not_wait_for_each_other(examiner: Examiner) -> None:
    down, up = Scripted(a="xxx"), Scripted(a="+")

    examined = await examiner.examine([(down.probe([A]),), (up.probe([B]),)])

    assert [e.outcome for e in examined] == [CheckOutcome.INCONCLUSIVE, CheckOutcome.PASSED]


async def test_large_looks_take_turns_and_waiting_for_one_is_no_failure() -> None:
    under_way: list[int] = []
    begun = 0

    async def look(endpoint: str) -> str:
        nonlocal begun
        begun += 1
        under_way.append(begun)
        await asyncio.sleep(0)
        begun -= 1
        return "+"

    turns = asyncio.Semaphore(2)
    probe = Probe(endpoints=("a",), look=look, judges={A: judge}, policy=policy(), turns=turns)

    examined = await Examiner(now=lambda: NOW).examine([(probe,)] * 6)

    assert [e.outcome for e in examined] == [CheckOutcome.PASSED] * 6
    assert max(under_way) == 2


def test_a_probe_can_be_narrowed_to_some_of_its_checks() -> None:
    probe = Scripted(a="+").probe([A, B]).only([B])

    assert list(probe.judges) == [B]

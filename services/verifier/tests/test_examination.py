"""Given endpoints that answer so, when a probe is examined, then they are asked in this order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import pytest

from mint_events.catalogue import CheckOutcome
from mint_resilience.failures import Outage
from verifier.catalogue import Check
from verifier.examination import Examiner, Limits, Probe
from verifier.verdict import Verdict, failed, passed, undecided

NOW = datetime(2026, 1, 1, tzinfo=UTC)
A, B = Check.MINT_ACCOUNT, Check.TOKEN_ACCOUNT


def judge(seen: str) -> Verdict:
    return {"+": passed, "-": failed, "?": undecided}[seen](seen=seen)


class Scripted:
    """Endpoints that give these answers one after the other, and remember who was asked."""

    def __init__(self, **answers: str) -> None:
        self._answers: dict[str, Iterator[str]] = {n: iter(a) for n, a in answers.items()}
        self.endpoints = tuple(answers)
        self.asked: list[str] = []

    async def look(self, endpoint: str) -> str:
        self.asked.append(endpoint)
        answer = next(self._answers[endpoint])
        if answer == "x":
            raise Outage(f"{endpoint} refused")
        return answer

    def probe(
        self, checks: Sequence[Check] = (A,), attempts: int = 3, denials: int = 1
    ) -> Probe[str]:
        judges: dict[Check, Callable[[str], Verdict]] = dict.fromkeys(checks, judge)
        limits = Limits(attempts=attempts, timeout=5.0, backoff=1.0)
        return Probe(
            endpoints=self.endpoints, look=self.look, judges=judges, limits=limits, denials=denials
        )


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
    endpoints = Scripted(a="xx", b="x")

    (examined,) = await examiner.examine_probe(endpoints.probe(attempts=3, denials=2))

    assert examined.outcome is CheckOutcome.INCONCLUSIVE
    assert (examined.failure, examined.attempts) == ("outage", 3)


async def test_every_endpoint_is_asked_even_with_fewer_attempts(examiner: Examiner) -> None:
    endpoints = Scripted(a="x", b="x", c="+")

    (examined,) = await examiner.examine_probe(endpoints.probe(attempts=2))

    assert examined.outcome is CheckOutcome.PASSED


@pytest.mark.requirement("VE-4")
async def test_a_look_that_takes_too_long_is_inconclusive_and_said_to_be_degraded() -> None:
    async def silent(endpoint: str) -> str:
        never: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        return await never

    limits = Limits(attempts=1, timeout=0.01, backoff=0.0)
    probe = Probe(endpoints=("a",), look=silent, judges={A: judge}, limits=limits)

    (examined,) = await Examiner(now=lambda: NOW).examine_probe(probe)

    assert (examined.outcome, examined.failure) == (CheckOutcome.INCONCLUSIVE, "degraded")


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

    limits = Limits(attempts=1, timeout=5.0, backoff=0.0)
    turns = asyncio.Semaphore(2)
    probe = Probe(endpoints=("a",), look=look, judges={A: judge}, limits=limits, turns=turns)

    examined = await Examiner(now=lambda: NOW).examine([(probe,)] * 6)

    assert [e.outcome for e in examined] == [CheckOutcome.PASSED] * 6
    assert max(under_way) == 2


def test_a_probe_can_be_narrowed_to_some_of_its_checks() -> None:
    probe = Scripted(a="+").probe([A, B]).only([B])

    assert list(probe.judges) == [B]

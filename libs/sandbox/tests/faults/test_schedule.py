"""Which requests faults strike: the seed decides, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from mint_sandbox.faults import Fault, Kind
from mint_sandbox.faults.downtime import is_down, next_change
from mint_sandbox.faults.model import When
from mint_sandbox.faults.schedule import Call, Plan, decide, untouched

SENT = Call(("sendTransaction",), None, 0.0)
READ = Call(("getSlot",), None, 0.0)


def struck(plan: Plan, calls: Iterable[Call]) -> list[tuple[Kind, ...]]:
    """The kinds of the faults that strike each of the calls."""
    tallies, kinds = untouched(plan), []
    for call in calls:
        decision = decide(plan, tallies, call)
        tallies = decision.tallies
        kinds.append(tuple(fault.kind for fault in decision.faults))
    return kinds


def one(when: When, seed: int = 0) -> Plan:
    return Plan((Fault(Kind.HANG, when),), seed)


def test_the_same_seed_strikes_the_same_requests_another_seed_others() -> None:
    often = When(probability=0.5)
    assert struck(one(often), [READ] * 50) == struck(one(often), [READ] * 50)
    assert struck(one(often), [READ] * 50) != struck(one(often, seed=1), [READ] * 50)


def test_requests_that_are_not_meant_change_nothing_for_those_that_are() -> None:
    plan = one(When(methods=("sendTransaction",), probability=0.5))

    alone = struck(plan, [SENT] * 50)
    among_others = struck(plan, [READ, SENT, READ] * 50)

    assert among_others[1::3] == alone
    assert set(among_others[0::3]) == {()}


def test_about_as_many_are_struck_as_the_probability_says() -> None:
    kinds = struck(one(When(probability=0.2), seed=7), [READ] * 1000)

    assert 150 < sum(bool(kind) for kind in kinds) < 250


def test_no_more_are_struck_than_the_count() -> None:
    kinds = struck(one(When(count=3)), [READ] * 10)

    assert kinds == [(Kind.HANG,)] * 3 + [()] * 7


def test_only_the_time_and_the_cid_that_were_given_are_struck() -> None:
    plan = one(When(after=1, until=2, cid="bafy"))
    calls = [Call((), cid, elapsed) for cid in ("bafy", "other") for elapsed in (0.9, 1.0, 2.0)]

    assert struck(plan, calls) == [(), (Kind.HANG,), (), (), (), ()]


def test_several_faults_strike_one_request_in_the_order_given() -> None:
    slow, lag = Fault(Kind.SLOW, seconds=1), Fault(Kind.LAG, blocks=5)

    assert struck(Plan((lag, slow)), [READ]) == [(Kind.LAG, Kind.SLOW)]


def test_a_batch_is_struck_when_one_of_its_methods_is_meant() -> None:
    plan = one(When(methods=("sendTransaction",)))

    assert struck(plan, [Call(("getSlot", "sendTransaction"), None, 0)]) == [(Kind.HANG,)]


def test_a_flapping_endpoint_is_down_and_up_for_the_same_time() -> None:
    flap = [Fault(Kind.FLAP, When(after=10, until=15), seconds=2)]

    down = [is_down(flap, second) for second in range(9, 17)]
    assert down == [False, True, True, False, False, True, False, False]
    assert [next_change(flap, t) for t in (0, 10, 11, 12, 14, 15)] == [10, 12, 12, 14, 15, None]


def test_an_endpoint_that_refuses_all_is_down_one_that_refuses_some_is_not() -> None:
    assert is_down([Fault(Kind.REFUSE)], 0)
    assert not is_down([Fault(Kind.REFUSE, When(count=1))], 0)
    assert next_change([Fault(Kind.REFUSE)], 0) is None
    assert next_change([Fault(Kind.REFUSE, When(until=3))], 1) == 3

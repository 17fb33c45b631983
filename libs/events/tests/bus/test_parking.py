"""Parking keeps the order of each key, whatever fails, and whenever the process dies.

The model: an input partition and a delay partition per level; a consumer that reads any of them
next, commits each when it likes, fails when it likes, and dies when it likes. What it works on is
decided by `Parking` alone.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from mint_events.bus.delay import Wait
from mint_events.bus.parking import UNPARKED, Parked, Parking
from mint_events.bus.record import Position

WAITS = (Wait(1), Wait(10), Wait(100))
HEADERS = (("trimint_parked", b"3"),)
KEYS = st.sampled_from([b"a", b"b"])
LEVELS = st.integers(UNPARKED, len(WAITS) - 1)


@dataclass
class Log:
    """A partition: what is in it, from where the group goes on, and where this process is."""

    records: list[tuple[bytes, int]] = field(default_factory=list)
    committed: int = 0
    read: int = 0


class ParkedWork(RuleBasedStateMachine):
    """Given random reading, failing, committing and dying, then no key is out of order."""

    def __init__(self) -> None:
        super().__init__()
        self.logs = {level: Log() for level in range(UNPARKED, len(WAITS))}
        self.parking = Parking("s", WAITS)
        self.written: dict[bytes, int] = defaultdict(int)
        self.handled: dict[bytes, list[int]] = defaultdict(list)

    @rule(key=KEYS)
    def a_record_is_written(self, key: bytes) -> None:
        self.logs[UNPARKED].records.append((key, self.written[key]))
        self.written[key] += 1

    @precondition(lambda self: any(log.read < len(log.records) for log in self.logs.values()))
    @rule(level=LEVELS, fails=st.booleans(), patience=st.sampled_from([0.0, 5.0, 50.0]))
    def the_next_one_is_worked_on(self, level: int, fails: bool, patience: float) -> None:
        self._work_on_next(level, fails=fails, patience=patience)

    @rule(level=LEVELS)
    def what_is_done_is_committed(self, level: int) -> None:
        log = self.logs[level]
        log.committed = log.read
        if level != UNPARKED:
            name = self.parking.topics[level].name
            self.parking.committed(name, 0, log.committed)

    @rule()
    def the_process_dies_and_another_one_loads_what_is_parked(self) -> None:
        self.parking = Parking("s", WAITS)
        for level, log in self.logs.items():
            log.read = log.committed
            for offset in range(log.committed, len(log.records)) if level != UNPARKED else ():
                self.parking.add(Parked(log.records[offset][0], self._place(level, offset)))

    def _work_on_next(self, level: int, *, fails: bool, patience: float) -> None:
        log = self.logs[level]
        if log.read == len(log.records):
            return
        key, number = log.records[log.read]
        above = self.parking.to_follow(key, level)
        if above is None and fails:
            above = self.parking.next_level(level, patience)
        elif above is None:
            self.handled[key].append(number)
        if above is not None:
            self._park(key, number, above)
        log.read += 1

    def _park(self, key: bytes, number: int, level: int) -> None:
        log = self.logs[level]
        log.records.append((key, number))
        self.parking.add(Parked(key, self._place(level, len(log.records) - 1)))

    def _place(self, level: int, offset: int) -> Position:
        return Position(topic=self.parking.topics[level].name, partition=0, offset=offset)

    def teardown(self) -> None:
        """In the end all is worked on, in order.

        An older record after a newer one is right only if the newer one comes again, too.
        """
        while any(log.read < len(log.records) for log in self.logs.values()):
            for level in self.logs:
                self._work_on_next(level, fails=False, patience=0.0)
        for key, numbers in self.handled.items():
            for place, number in enumerate(numbers):
                rest = numbers[place + 1 :]
                assert number in rest or all(later > number for later in rest), (key, numbers)


ParkedWork.TestCase.settings = settings(max_examples=400, stateful_step_count=60, deadline=None)


@pytest.mark.requirement("NR-6")
class TestParkedWork(ParkedWork.TestCase):  # type: ignore[misc, name-defined]  # made by Hypothesis
    pass


def parked(parking: Parking, lane: bytes, level: int, offset: int) -> None:
    place = Position(topic=parking.topics[level].name, partition=0, offset=offset)
    parking.add(Parked(lane, place))


@pytest.fixture
def parking() -> Parking:
    return Parking("service", WAITS)


@pytest.mark.requirement("NR-6")
def test_the_topics_are_those_of_the_waits(parking: Parking) -> None:
    names = [topic.name for topic in parking.topics]
    assert names == ["service.delay.1s", "service.delay.10s", "service.delay.100s"]
    levels = [parking.level_of(name, HEADERS) for name in [*names, "mint.ledger"]]
    assert levels == [0, 1, 2, UNPARKED]


def test_what_a_handler_delayed_is_not_parked(parking: Parking) -> None:
    """Nobody waits for it, though it lies on the same topic."""
    assert parking.level_of("service.delay.10s", ()) == UNPARKED


@pytest.mark.requirement("NR-6")
def test_waits_escalate_and_end(parking: Parking) -> None:
    levels = [parking.next_level(level, 0.0) for level in (UNPARKED, 0, 1, 2)]
    assert levels == [0, 1, 2, None]


@pytest.mark.requirement("NR-1", "NR-6")
@pytest.mark.parametrize(("patience", "level"), [(0.5, 0), (1.0, 0), (2.0, 1), (5000.0, 2)])
def test_the_patience_that_the_other_side_asks_for_is_had(
    parking: Parking, patience: float, level: int
) -> None:
    assert parking.next_level(UNPARKED, patience) == level


@pytest.mark.requirement("NR-6")
def test_only_what_came_later_of_the_same_lane_follows(parking: Parking) -> None:
    parked(parking, b"a", 1, 7)
    assert parking.to_follow(b"a", UNPARKED) == 1
    assert parking.to_follow(b"a", 0) == 1
    assert parking.to_follow(b"a", 1) is None
    assert parking.to_follow(b"a", 2) is None
    assert parking.to_follow(b"b", UNPARKED) is None


@pytest.mark.requirement("NR-6")
def test_a_lane_is_free_when_the_groups_offset_has_passed_its_last_record(parking: Parking) -> None:
    parked(parking, b"a", 0, 7)
    parked(parking, b"a", 0, 9)
    parking.committed("service.delay.1s", 0, 9)
    assert parking.to_follow(b"a", UNPARKED) == 0
    parking.committed("service.delay.1s", 1, 10)
    assert len(parking) == 1, "that was another partition"
    parking.committed("service.delay.1s", 0, 10)
    assert parking.to_follow(b"a", UNPARKED) is None
    assert len(parking) == 0


def test_waits_that_do_not_ascend_are_refused() -> None:
    with pytest.raises(ValueError, match="ascend"):
        Parking("service", (Wait(5), Wait(5)))

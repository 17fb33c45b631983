"""Parking keeps the order of each key, whatever fails, and whenever the process dies.

The model: an input partition and a delay partition per level; a consumer that reads any of them
next, commits each when it likes, fails when it likes, and dies when it likes. What it works on is
decided by `Parking` alone.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from mint_events.bus.delay import Parked, Wait
from mint_events.bus.parking import NEW, ParkedRecord, Parking
from mint_events.bus.record import Position

WAITS = (Wait(1), Wait(10), Wait(100))
INPUT = "input"
KEYS = st.sampled_from([b"a", b"b"])
TOPICS = (INPUT, "s.parked.1s", "s.parked.10s", "s.parked.100s")


@dataclass(frozen=True)
class Item:
    """A record: the how manieth of its key, and how it is parked."""

    key: bytes
    number: int
    parked: Parked = NEW


@dataclass
class Log:
    """A partition: what is in it, from where the group goes on, and where this process is."""

    items: list[Item] = field(default_factory=list)
    committed: int = 0
    read: int = 0


class ParkedWork(RuleBasedStateMachine):
    """Given random reading, failing, committing and dying, then no key is out of order, and none
    is given up before it was tried as often as it may be."""

    def __init__(self) -> None:
        super().__init__()
        self.logs = {topic: Log() for topic in TOPICS}
        self.parking = Parking("s", WAITS)
        self.written: dict[bytes, int] = defaultdict(int)
        self.ended: dict[bytes, list[int]] = defaultdict(list)

    @rule(key=KEYS)
    def a_record_is_written(self, key: bytes) -> None:
        self.logs[INPUT].items.append(Item(key, self.written[key]))
        self.written[key] += 1

    @rule(topic=st.sampled_from(TOPICS), fails=st.booleans(), patience=st.sampled_from([0, 5, 50]))
    def the_next_one_is_worked_on(self, topic: str, fails: bool, patience: float) -> None:
        log = self.logs[topic]
        if log.read < len(log.items):
            self._work_on(log.items[log.read], fails=fails, patience=patience)
            log.read += 1

    @rule(topic=st.sampled_from(TOPICS))
    def what_is_done_is_committed(self, topic: str) -> None:
        log = self.logs[topic]
        log.committed = log.read
        self.parking.committed(topic, 0, log.committed)

    @rule()
    def the_process_dies_and_another_one_loads_what_is_parked(self) -> None:
        self.parking = Parking("s", WAITS)
        for topic, log in self.logs.items():
            log.read = log.committed
            for offset, item in enumerate(log.items):
                if topic != INPUT and offset >= log.committed:
                    self._lies(item, topic, offset)

    def _work_on(self, item: Item, *, fails: bool, patience: float) -> None:
        follow = self.parking.to_follow(item.key, item.parked.level)
        if follow is not None:
            self._park(item, replace(item.parked, level=follow))
            return
        level = self.parking.next_level(item.parked, patience) if fails else None
        if level is None:
            assert not fails or item.parked.exhausted == len(WAITS)
            self.ended[item.key].append(item.number)
            return
        self._park(item, replace(item.parked, level=level, exhausted=item.parked.exhausted + 1))

    def _park(self, item: Item, parked: Parked) -> None:
        topic, _ = self.parking.place_of(parked.level)
        self.logs[topic.name].items.append(replace(item, parked=parked))
        self._lies(replace(item, parked=parked), topic.name, len(self.logs[topic.name].items) - 1)

    def _lies(self, item: Item, topic: str, offset: int) -> None:
        place = Position(topic=topic, partition=0, offset=offset)
        self.parking.add(ParkedRecord(item.key, item.parked.level, place))

    def teardown(self) -> None:
        """In the end all is worked on, in order.

        An older record after a newer one is right only if the newer one comes again, too.
        """
        while any(log.read < len(log.items) for log in self.logs.values()):
            for topic in TOPICS:
                self.the_next_one_is_worked_on(topic, fails=False, patience=0)
        for key, numbers in self.ended.items():
            assert set(numbers) == set(range(self.written[key]))
            for place, number in enumerate(numbers):
                rest = numbers[place + 1 :]
                assert number in rest or all(later > number for later in rest), (key, numbers)


ParkedWork.TestCase.settings = settings(max_examples=400, stateful_step_count=60)


TestParkedWork = pytest.mark.requirement("NR-6")(ParkedWork.TestCase)


@pytest.fixture
def parking() -> Parking:
    return Parking("s", WAITS)


def lies(parking: Parking, lane: bytes, level: int, offset: int) -> None:
    topic, _ = parking.place_of(level)
    place = Position(topic=topic.name, partition=0, offset=offset)
    parking.add(ParkedRecord(lane, level, place))


@pytest.mark.requirement("NR-6")
def test_waits_escalate_up_to_the_longest(parking: Parking) -> None:
    assert [parking.place_of(level)[0].name for level in range(5)] == [
        "s.parked.1s",
        "s.parked.10s",
        *["s.parked.100s"] * 3,
    ]


@pytest.mark.requirement("NR-6")
def test_a_record_is_parked_once_for_each_wait_and_then_given_up(parking: Parking) -> None:
    levels = []
    parked = NEW
    while (level := parking.next_level(parked, 0.0)) is not None:
        levels.append(level)
        parked = Parked(level=level, exhausted=parked.exhausted + 1, attempts=0)
    assert levels == [0, 1, 2]


@pytest.mark.requirement("NR-6")
def test_who_was_made_to_follow_is_tried_as_often_as_all_others(parking: Parking) -> None:
    follower = Parked(level=2, exhausted=0, attempts=0)
    assert parking.next_level(follower, 0.0) == 3
    assert parking.place_of(3)[1] == WAITS[-1]


@pytest.mark.requirement("NR-1", "NR-6")
@pytest.mark.parametrize(("patience", "level"), [(0.5, 0), (1.0, 0), (2.0, 1), (5000.0, 2)])
def test_the_patience_that_the_other_side_asks_for_is_had(
    parking: Parking, patience: float, level: int
) -> None:
    assert parking.next_level(NEW, patience) == level


@pytest.mark.requirement("NR-6")
def test_only_what_came_later_of_the_same_lane_follows(parking: Parking) -> None:
    lies(parking, b"a", 1, 7)
    lies(parking, b"a", 3, 2)
    levels = [parking.to_follow(b"a", level) for level in (-1, 0, 1, 2, 3)]
    assert levels == [1, 1, 3, 3, None]
    assert parking.to_follow(b"b", -1) is None


@pytest.mark.requirement("NR-6")
def test_a_lane_is_free_when_the_groups_offset_has_passed_its_last_record(parking: Parking) -> None:
    lies(parking, b"a", 0, 7)
    lies(parking, b"a", 0, 9)
    parking.committed("s.parked.1s", 0, 9)
    assert parking.to_follow(b"a", -1) == 0
    parking.committed("s.parked.1s", 1, 10)
    assert len(parking) == 1, "that was another partition"
    parking.committed("s.parked.1s", 0, 10)
    assert parking.to_follow(b"a", -1) is None
    assert len(parking) == 0


def test_waits_that_do_not_ascend_are_refused() -> None:
    with pytest.raises(ValueError, match="ascend"):
        Parking("service", (Wait(5), Wait(5)))

"""Where records wait whose retries take longer than a process should hold them in memory. Pure.

A parked record lies on a delay topic; the waits of these topics ascend, level by level. The order
of a key holds, because of two of its records the later one is never on a higher level:

- a record whose retries are used up goes to a higher level than the one that it came from;
- a record of which an earlier one of its key is on a higher level follows: to the lowest of those.

Levels have no upper end: those above the longest wait share its topic. What ends is how often a
record may use up its retries: at once and after each wait, wherever others made it follow.

A parked record counts as there until the group's offset has passed it. A process that dies before
that works on it again, and on all that came behind it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, pairwise

from mint_events.bus.delay import Parked, Wait, parking_topic
from mint_events.bus.record import Position
from mint_events.topics import Topic

NEW = Parked(level=-1, exhausted=0, attempts=0)
"""What is not parked is below the lowest level."""


@dataclass(frozen=True, slots=True)
class ParkedRecord:
    """A parked record: whose it is, on which level, and where it lies."""

    lane: bytes
    level: int
    position: Position


class Parking:
    """The levels of a group, and what of its partitions is parked there.

    Raises `ValueError` for waits that do not ascend.
    """

    def __init__(self, group: str, waits: Sequence[Wait]) -> None:
        if any(high.seconds <= low.seconds for low, high in pairwise(waits)):
            raise ValueError(f"the waits of parked records have to ascend: {waits}")
        self.waits = tuple(waits)
        self.topics: tuple[Topic, ...] = tuple(parking_topic(group, wait) for wait in waits)
        self._lanes: dict[bytes, dict[Position, int]] = defaultdict(dict)
        self._partitions: dict[tuple[str, int], dict[int, bytes]] = defaultdict(dict)

    def __len__(self) -> int:
        return sum(map(len, self._partitions.values()))

    def place_of(self, level: int) -> tuple[Topic, Wait]:
        """The topic of a level, and how long one waits there."""
        index = min(level, len(self.waits) - 1)
        return self.topics[index], self.waits[index]

    def to_follow(self, lane: bytes, level: int) -> int | None:
        """The level on which a record from `level` has to queue behind others of its lane."""
        levels = self._lanes.get(lane, {}).values()
        return min((above for above in levels if above > level), default=None)

    def next_level(self, parked: Parked, patience: float) -> int | None:
        """The level for a record whose retries are used up once more; None for the last time.

        It is the lowest that lasts the `patience` (seconds) that the other side asked for, if any.
        """
        if parked.exhausted >= len(self.waits):
            return None
        longest = len(self.waits) - 1
        above = count(parked.level + 1)
        return next(one for one in above if one >= longest or self.waits[one].seconds >= patience)

    def add(self, record: ParkedRecord) -> None:
        """A record lies there from now on."""
        place = record.position
        self._lanes[record.lane][place] = record.level
        self._partitions[place.topic, place.partition][place.offset] = record.lane

    def committed(self, topic: str, partition: int, offset: int) -> None:
        """The group's offset of a partition is this now: what lies below it is over."""
        lying = self._partitions.get((topic, partition), {})
        for over in [one for one in lying if one < offset]:
            lane = lying.pop(over)
            del self._lanes[lane][Position(topic=topic, partition=partition, offset=over)]
            if not self._lanes[lane]:
                del self._lanes[lane]

    def forget(self) -> None:
        """The partitions are somebody else's."""
        self._lanes.clear()
        self._partitions.clear()

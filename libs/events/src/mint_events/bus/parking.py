"""Where records wait whose retries take longer than a process should hold them in memory. Pure.

A parked record lies on a delay topic; the waits of these topics ascend, level by level. The order
of a key holds, because of two of its records the later one is never on a higher level:

- a record whose retries are used up goes to a higher level than the one that it came from;
- a record of which an earlier one of its key is on a higher level follows: to the lowest of those.

A parked record counts as there until the group's offset has passed it. A process that dies before
that works on it again, and on all that came behind it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mint_events.bus.delay import Wait, delay_topic, is_parked
from mint_events.bus.record import Headers, Position
from mint_events.topics import Topic

UNPARKED = -1
"""The level of all that is not parked: it is below the lowest wait."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A parked record: its lane and where it lies."""

    lane: bytes
    position: Position


class Parking:
    """The levels of a service, and what of its partitions is parked there.

    Raises `ValueError` for waits that do not ascend.
    """

    def __init__(self, service: str, waits: Sequence[Wait]) -> None:
        if any(high.seconds <= low.seconds for low, high in pairwise(waits)):
            raise ValueError(f"the waits of parked records have to ascend: {waits}")
        self.waits = tuple(waits)
        self.topics: tuple[Topic, ...] = tuple(delay_topic(service, wait) for wait in waits)
        self._levels = {topic.name: level for level, topic in enumerate(self.topics)}
        self._lanes: dict[bytes, set[Position]] = defaultdict(set)
        self._partitions: dict[tuple[str, int], dict[int, bytes]] = defaultdict(dict)

    def __len__(self) -> int:
        return sum(map(len, self._partitions.values()))

    def level_of(self, topic: str, headers: Headers) -> int:
        """The level that a record lies on."""
        return self._levels.get(topic, UNPARKED) if is_parked(headers) else UNPARKED

    def to_follow(self, lane: bytes, level: int) -> int | None:
        """The level on which a record from `level` has to queue behind others of its lane."""
        levels = (self._levels[place.topic] for place in self._lanes.get(lane, ()))
        return min((above for above in levels if above > level), default=None)

    def next_level(self, level: int, patience: float) -> int | None:
        """The level for a record from `level` whose retries are used up; None after the highest.

        It is the lowest that lasts the `patience` (seconds) that the other side asked for, if any.
        """
        above = range(level + 1, len(self.waits))
        return next(
            (one for one in above if self.waits[one].seconds >= patience),
            above[-1] if above else None,
        )

    def add(self, parked: Parked) -> None:
        """A record lies there from now on."""
        place = parked.position
        self._lanes[parked.lane].add(place)
        self._partitions[place.topic, place.partition][place.offset] = parked.lane

    def committed(self, topic: str, partition: int, offset: int) -> None:
        """The group's offset of a partition is this now: what lies below it is over."""
        lying = self._partitions.get((topic, partition), {})
        for place, lane in list(_below(lying, offset, topic, partition)):
            del lying[place.offset]
            self._lanes[lane].discard(place)
            if not self._lanes[lane]:
                del self._lanes[lane]

    def forget(self) -> None:
        """The partitions are somebody else's."""
        self._lanes.clear()
        self._partitions.clear()


def _below(
    lying: dict[int, bytes], stop: int, topic: str, partition: int
) -> Iterator[tuple[Position, bytes]]:
    for offset, lane in lying.items():
        if offset < stop:
            yield Position(topic=topic, partition=partition, offset=offset), lane

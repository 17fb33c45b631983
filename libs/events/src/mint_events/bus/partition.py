"""What a consumer knows of one partition while it is assigned to it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from mint_events.bus.record import Consumed, Position
from mint_events.bus.watermark import Watermark


@dataclass(frozen=True, slots=True)
class Head:
    """The first record at or above an offset, and the time from which it waits, since 1970."""

    offset: int
    since: float


@dataclass(slots=True, kw_only=True, eq=False)
class Partition:
    """One assignment of a partition; when it is taken away and comes back, that is another one.

    `topic` is without the prefix. `committed` is the offset that was last committed under this
    assignment, `snoozing` is set while the head of a delay topic is not due yet. `begin` (where
    the group goes on), `end` and `head` (of what is not read) are what the brokers last said.
    """

    topic: str
    number: int
    setup: asyncio.Task[None] | None = None
    setup_failure: str | None = None
    ready: bool = False
    snoozing: asyncio.TimerHandle | None = None
    watermark: Watermark = field(default_factory=Watermark)
    committed: int | None = None
    begin: int | None = None
    end: int | None = None
    head: Head | None = None

    def __str__(self) -> str:
        return f"{self.topic}/{self.number}"

    @property
    def waits(self) -> bool:
        """Whether no record is to be read for now, for reasons of its own."""
        return not self.ready or self.snoozing is not None

    @property
    def to_commit(self) -> int | None:
        """The offset to be committed, None when that has been done."""
        offset = self.watermark.committable
        return None if offset == self.committed else offset

    @property
    def first_open(self) -> int | None:
        """The offset below which everything is done, None while that is unknown."""
        done = self.watermark.committable
        return self.begin if done is None else done

    @property
    def unread(self) -> range | None:
        """The offsets that were not read, None when there are none or that is unknown."""
        read = self.watermark.taken
        begin, end = self.begin if read is None else read, self.end
        return None if begin is None or end is None or begin >= end else range(begin, end)

    def lag(self, highwater: int | None) -> int | None:
        """Records that are not done, None while that is unknown.

        `highwater` is the end that came with what was fetched last, if that is known.
        """
        ends = [end for end in (self.end, highwater) if end is not None]
        done = self.first_open
        return None if done is None or not ends else max(0, max(ends) - done)

    def consumed(self, raw: Any) -> Consumed:
        """A record of this partition, of what aiokafka gives."""
        return Consumed(
            position=Position(topic=self.topic, partition=self.number, offset=raw.offset),
            timestamp_ms=raw.timestamp,
            key=raw.key,
            value=raw.value,
            headers=tuple((name, value) for name, value in raw.headers if value is not None),
        )

    def close(self) -> None:
        """Stop what goes on for this partition apart from its records."""
        if self.setup is not None:
            self.setup.cancel()
        if self.snoozing is not None:
            self.snoozing.cancel()


@dataclass(frozen=True, slots=True)
class InFlight:
    """A record in work, and the assignment that it was read under."""

    record: Consumed
    partition: Partition

    @property
    def size(self) -> int:
        """Bytes that it holds in memory."""
        return self.record.size

"""What a consumer knows of one partition while it is assigned to it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from mint_events.bus.record import Consumed
from mint_events.bus.watermark import Watermark


@dataclass(slots=True, kw_only=True, eq=False)
class Partition:
    """One assignment of a partition; when it is taken away and comes back, that is another one.

    `topic` is without the prefix. `committed` is the offset that was last committed under this
    assignment, `snoozing` is set while the head of a delay topic is not due yet.
    """

    topic: str
    number: int
    setup: asyncio.Task[None] | None = None
    setup_failure: str | None = None
    ready: bool = False
    snoozing: asyncio.TimerHandle | None = None
    watermark: Watermark = field(default_factory=Watermark)
    committed: int | None = None

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

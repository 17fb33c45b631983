"""What a handler may answer: the effects that the runtime carries out before the input is done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from mint_events.bus.delay import Wait
from mint_events.envelope import Envelope, Received
from mint_events.topics import Topic


@dataclass(frozen=True, slots=True)
class Publish:
    """Publish an event, on the topic that carries its type unless another one is named."""

    envelope: Envelope
    topic: Topic | None = None


@dataclass(frozen=True, slots=True)
class Delay:
    """Hand this to the same handler again, no earlier than `wait` from now, also after a restart.

    What was received comes back with its own topic, partition and offset; a new event comes with
    those of the delay topic.
    """

    subject: Envelope | Received
    wait: Wait


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Delete a key from a compacted topic."""

    topic: Topic
    key: str


Output = Publish | Delay | Tombstone

Handler = Callable[[Received], Awaitable[Sequence[Output]]]
"""Works on one record. It may be called again with the same one, so its effects are idempotent."""

"""Where dead letters are read and decided on: `mint.deadletter`, and the topics they came from.

A decision is an event. A record goes back before its event is written: broken off in between, the
letter is still open, and redriving it again does no harm, since all work is safe to do twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from mint_events.bus import Cluster, Publisher
from mint_events.bus.deadletter import redriven
from mint_events.bus.history import read_topic
from mint_events.catalogue import DeadLetterDiscarded, DeadLetterRedriven
from mint_events.codec import Codec
from mint_events.envelope import Envelope, caused_by
from mint_events.topics import DEADLETTER
from mint_resilience.failures import Poison
from mint_runtime.connection import codec_of
from trimint import SOURCE
from trimint.dlq.letters import Letter, folded


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decides, and why."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Read:
    """The letters, and what could not be read beside them, each with its reason."""

    letters: list[Letter]
    unreadable: list[str]


@dataclass(frozen=True, slots=True)
class Desk:
    """Kafka, as an operator with dead letters needs it; `at_the_desk` connects."""

    cluster: Cluster
    codec: Codec
    publisher: Publisher

    async def read(self) -> Read:
        """All that `mint.deadletter` still holds.

        Raises `Outage` when no broker answers, `Transient` when there is no such topic.
        """
        envelopes, unreadable = [], []
        async for received in read_topic(self.cluster, self.codec, DEADLETTER):
            if isinstance(received, Poison):
                unreadable.append(str(received))
            else:
                envelopes.append(received.envelope)
        return Read(folded(envelopes), unreadable)

    async def redrive(self, letter: Letter, decision: Decision) -> Envelope:
        """Put the letter's record back, byte for byte, for the service that gave it up.

        Returns the event that says so. Raises `ValueError` when its bytes were not kept.
        """
        (position,) = await self.publisher.send(redriven(letter.envelope))
        return await self._decide(
            letter,
            DeadLetterRedriven(
                mint_id=letter.record.mint_id,
                letter=letter.id,
                service=letter.record.service,
                position=str(position),
                by=decision.by,
                reason=decision.reason,
            ),
        )

    async def discard(self, letter: Letter, decision: Decision) -> Envelope:
        """Close the letter; returns the event that says so."""
        return await self._decide(
            letter,
            DeadLetterDiscarded(
                mint_id=letter.record.mint_id,
                letter=letter.id,
                by=decision.by,
                reason=decision.reason,
            ),
        )

    async def _decide(
        self, letter: Letter, event: DeadLetterRedriven | DeadLetterDiscarded
    ) -> Envelope:
        envelope = caused_by(letter.envelope, event, source=SOURCE, time=datetime.now(UTC))
        await self.publisher.publish(envelope)
        return envelope


@asynccontextmanager
async def at_the_desk(cluster: Cluster, registry_url: str | None) -> AsyncIterator[Desk]:
    """Connect. Raises `Outage` when no broker answers."""
    async with codec_of(registry_url) as codec, Publisher(cluster, codec) as publisher:
        yield Desk(cluster, codec, publisher)

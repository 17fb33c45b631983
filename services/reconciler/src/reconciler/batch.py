"""A batch of events as one transaction: store, fold, decide, store what follows, project (RE-10).

Either all of it is visible or nothing; publishing what was decided comes afterwards (`relay`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from mint_events.catalogue import MintEvent
from mint_events.codec import Codec
from mint_events.envelope import Envelope, Received
from mint_events.store import Appended, NewEvent, Outcome, append, own_event, received_event
from mint_events.store.connection import Connection
from mint_events.topics import topic_of
from mint_resilience.failpoints import Boundary, reach
from mint_resilience.failures import Conflict, Poison
from reconciler.loading import load_references, load_states
from reconciler.offset_ledger import advance, become_writer, expected_offsets
from reconciler.offsets import Advance
from reconciler.saga import Policy
from reconciler.tables import write_changes
from reconciler.unit_of_work import UnitOfWork


class OffsetsMoved(Conflict):
    """Another batch has moved a partition on since this one was sifted: sift it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a batch has added to the event store."""

    received: int
    decided: tuple[Envelope, ...]


class BatchWriter:
    """Writes batches, one after the other; `now` gives the time of the events that it decides."""

    def __init__(
        self, pool: asyncpg.Pool, codec: Codec, policy: Policy, now: Callable[[], datetime]
    ) -> None:
        self._pool = pool
        self._codec = codec
        self._policy = policy
        self._now = now

    async def write(self, step: Advance, events: Sequence[Received]) -> Written:
        """Work these events through and move the partitions on.

        Raises `OffsetsMoved`, `Poison` when an event's id is taken, asyncpg's errors, and whatever
        a bug leads to; nothing is written then.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            await become_writer(connection)
            if await expected_offsets(connection, step.before) != step.before:
                raise OffsetsMoved("a partition was moved on by another batch: sift this one again")
            written = await self._work(connection, events)
            await advance(connection, step.after)
            reach(Boundary.BATCH_WRITTEN)
            return written

    async def _work(self, connection: Connection, events: Sequence[Received]) -> Written:
        stored = await append(connection, [received_event(event) for event in events])
        new = _new(events, stored)
        of_mints = [(envelope, at) for envelope, at in new if isinstance(envelope.event, MintEvent)]
        work = await self._unit_of_work(connection, [envelope for envelope, _ in of_mints])
        decided = [effect for envelope, at in of_mints for effect in work.absorb(envelope, at)]
        await append(connection, [self._own(envelope) for envelope in decided])
        await write_changes(connection, list(work.changes()), work.documents)
        return Written(received=len(new), decided=tuple(decided))

    async def _unit_of_work(
        self, connection: Connection, envelopes: Sequence[Envelope]
    ) -> UnitOfWork:
        events = [e.event for e in envelopes if isinstance(e.event, MintEvent)]
        states = await load_states(connection, events)
        references = await load_references(connection, events, states)
        return UnitOfWork(states, references, self._policy, self._now)

    def _own(self, envelope: Envelope) -> NewEvent:
        topic = topic_of(type(envelope.event))
        return own_event(envelope, self._codec.encode(envelope), topic.name)


def _new(events: Sequence[Received], stored: Sequence[Appended]) -> list[tuple[Envelope, int]]:
    """The events that were not in the store yet, with their positions in it."""
    pairs = list(zip(events, stored, strict=True))
    for event, result in pairs:
        if result.outcome is Outcome.CONFLICT:
            raise Poison(_taken(event))
    return [(e.envelope, r.position) for e, r in pairs if r.outcome is Outcome.APPENDED]


def _taken(event: Received) -> str:
    return (
        f"event id {event.envelope.id} or its place {event.topic}/{event.partition}/{event.offset}"
        " is taken by an event with other content: publish this one under an id of its own"
    )

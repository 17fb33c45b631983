"""The outbox relay: what was decided goes to `mint.ledger`, in order, and is marked as published.

It publishes before it marks, so a crash in between publishes again; consumers know an event by its
id. Of several instances one relays at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from mint_events.bus import Position, Record
from mint_events.store import Place, Stored, mark_published, pending, take_relay
from mint_resilience.failpoints import Boundary, reach
from reconciler import metrics
from reconciler.guarded import GuardedDatabase
from reconciler.persist import persist

BATCH = 128
"""Events at a time; each may hold an image."""

SHORTEST_POLL = 0.05
LONGEST_POLL = 1.0
"""Seconds between looks at the outbox when nobody says that there is something new."""


class Sender(Protocol):
    """Where records are published."""

    async def send(self, *records: Record) -> list[Position]:
        """Send in this order; return when all are acknowledged."""


class Relay:
    """Publishes until told to stop; woken by `news`, and looking by itself now and then.

    Another instance's events, and those of a process that died, are found by looking.
    """

    def __init__(self, database: GuardedDatabase, sender: Sender, news: asyncio.Event) -> None:
        self._database = database
        self._sender = sender
        self._news = news

    async def run(self, stop: asyncio.Event) -> None:
        """Relay until `stop` is set; what is pending then stays in the outbox."""
        pause = SHORTEST_POLL
        while not stop.is_set():
            self._news.clear()
            published = await persist(lambda: self._database.run(self.publish_pending))
            metrics.PUBLISHED.inc(published)
            pause = SHORTEST_POLL if published else min(pause * 2, LONGEST_POLL)
            if published < BATCH:
                await self._wait(stop, pause)

    async def publish_pending(self) -> int:
        """Publish the oldest pending events; how many. None while another instance relays."""
        async with self._database.pool.acquire() as connection, connection.transaction():
            if not await take_relay(connection):
                return 0
            events = await pending(connection, BATCH)
            if events:
                reach(Boundary.RELAY_BEGUN)
                places = await self._publish(events)
                reach(Boundary.RELAY_PUBLISHED)
                await mark_published(connection, places)
            return len(events)

    async def _publish(self, events: Sequence[Stored]) -> dict[UUID, Place]:
        positions = await self._sender.send(*(_record(event) for event in events))
        return {
            event.event_id: Place(partition=at.partition, offset=at.offset)
            for event, at in zip(events, positions, strict=True)
        }

    async def _wait(self, stop: asyncio.Event, seconds: float) -> None:
        """Until there is news, the time is up, or it is to stop."""
        waits = [asyncio.create_task(event.wait()) for event in (self._news, stop)]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


def _record(event: Stored) -> Record:
    return Record(
        topic=event.topic, key=event.mint_id.encode(), value=event.value, headers=event.headers
    )

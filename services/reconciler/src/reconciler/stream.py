"""Faust, and all that has to be known about it: raw records in, batches out, topic by topic.

Faust acknowledges a batch also when the agent fails or is stopped in the middle of it, and restarts
an agent after the record at which it failed; so nothing that is raised may reach it, and what it
commits to Kafka is never believed: the ledger of offsets in the database is (`offsets`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import faust
import structlog

from mint_events.bus import Cluster, Position
from mint_events.bus.attempts import kind_of
from mint_events.bus.record import Consumed
from mint_events.topics import (
    BREAKERS,
    CHAIN,
    CONTROL,
    DEADLETTER,
    IPFS,
    REQUESTS,
    VERIFICATION,
    Topic,
)
from reconciler.credentials import credentials
from reconciler.in_flight import InFlight

GROUP = "reconciler"

MOST_RECORDS = {
    REQUESTS: 64,
    IPFS: 500,
    CHAIN: 500,
    VERIFICATION: 500,
    DEADLETTER: 64,
    CONTROL: 64,
    BREAKERS: 500,
}
"""Records in a batch of each topic that is read: fewer where one may be as large as an image."""

_FILL_SECONDS = 0.02
"""How long a batch waits for more."""

_BUFFERED_RECORDS = 64
"""Of each topic, between faust's reading and a batch; each may hold an image."""

_RETRY_SECONDS = 5.0
_SESSION_SECONDS = 6.0
"""How long a member that died keeps its partitions; brokers allow no less by default."""

_HEARTBEAT_SECONDS = 2.0

# These report every step of their start and stop.
for _library in ("faust", "mode"):
    logging.getLogger(_library).setLevel(logging.WARNING)

log = structlog.stdlib.get_logger(__name__)

Process = Callable[[Sequence[Consumed]], Awaitable[None]]


class Stream:
    """A member of the consumer group; `process` is given one batch of each topic at a time."""

    def __init__(self, cluster: Cluster, process: Process, folder: Path) -> None:
        self._cluster = cluster
        self._process = process
        self._joined = False
        self._in_flight = {
            topic: InFlight(f"{GROUP}.{topic.name}", most, time.time)
            for topic, most in MOST_RECORDS.items()
        }
        self._app = self._new_app(folder)

    async def readiness(self) -> str | None:
        """None once this instance is a member of the group."""
        return None if self._joined else "not a member of the consumer group yet"

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set. Raises what faust crashed of."""
        stopping = asyncio.create_task(stop.wait())
        crashing = asyncio.create_task(self._app.wait_until_stopped())
        try:
            await self._app.start()
            await asyncio.wait({stopping, crashing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            crashing.cancel()
            await self._app.stop()  # else its thread would keep the process alive
        if self._app.crashed:
            raise RuntimeError(f"faust crashed: {self._app.crash_reason!r}")

    def _new_app(self, folder: Path) -> faust.App:
        app = faust.App(
            self._cluster.prefixed(GROUP),
            broker=[f"kafka://{broker}" for broker in self._cluster.brokers],
            broker_credentials=credentials(self._cluster),
            datadir=folder,
            store="memory://",
            processing_guarantee="at_least_once",
            consumer_auto_offset_reset="earliest",
            broker_session_timeout=_SESSION_SECONDS,
            broker_heartbeat_interval=_HEARTBEAT_SECONDS,
            stream_buffer_maxsize=_BUFFERED_RECORDS,
            topic_allow_declare=False,
            topic_disable_leader=True,
            web_enabled=False,
            worker_redirect_stdouts=False,
        )
        for topic, most in MOST_RECORDS.items():
            app.agent(self._channel(app, topic), name=topic.name)(self._agent(topic, most))
        app.on_partitions_assigned.connect(self._on_assigned)
        return app

    def _channel(self, app: faust.App, topic: Topic) -> Any:
        return app.topic(
            self._cluster.prefixed(topic.name),
            key_type=bytes,
            value_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
        )

    def _agent(self, topic: Topic, most: int) -> Callable[[Any], Awaitable[None]]:
        async def work(stream: Any) -> None:
            batches: AsyncIterator[Sequence[Any]] = stream.take_events(most, within=_FILL_SECONDS)
            async for events in batches:
                records = [_consumed(topic, event.message) for event in events]
                with self._in_flight[topic].working_on(records):
                    await self._work(records)

        return work

    async def _work(self, records: Sequence[Consumed]) -> None:
        """Work a batch through, however often that takes: see the module's description."""
        while True:
            try:
                return await self._process(records)
            except Exception as error:
                log.exception(
                    "batch failed, tried again", failure=kind_of(error), records=len(records)
                )
                await asyncio.sleep(_RETRY_SECONDS)

    def _on_assigned(self, *_: Any, **__: Any) -> None:
        self._joined = True


def _consumed(topic: Topic, message: Any) -> Consumed:
    return Consumed(
        position=Position(topic=topic.name, partition=message.partition, offset=message.offset),
        timestamp_ms=round(message.timestamp * 1000),
        key=message.key,
        value=message.value,
        headers=tuple(message.headers or ()),
    )

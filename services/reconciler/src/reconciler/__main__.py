"""`python -m reconciler`: puts the reconciler together and runs it until told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from mint_events.admin import ensure_topics
from mint_runtime.connection import connected
from mint_runtime.service import Process, run
from reconciler import database
from reconciler.batch import BatchWriter
from reconciler.partition_reader import PartitionReader
from reconciler.patrol import patrol
from reconciler.relay import Relay
from reconciler.service import SERVICE, Reconciler
from reconciler.settings import ReconcilerSettings
from reconciler.stream import MOST_RECORDS, Stream

_REREAD_RECORDS = 32
"""Records that are read again at a time; each may hold an image."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What runs side by side."""

    reconciler: Reconciler
    relay: Relay
    reader: PartitionReader
    stream: Stream


async def serve(settings: ReconcilerSettings, process: Process) -> None:
    """Reconcile until `process.stop` is set."""
    async with _parts(settings, process) as parts, asyncio.TaskGroup() as tasks:
        tasks.create_task(parts.relay.run(process.stop))
        tasks.create_task(
            patrol(parts.reconciler, parts.reader.ends, process.stop, settings.patrol_seconds)
        )
        await parts.stream.run(process.stop)


@asynccontextmanager
async def _parts(settings: ReconcilerSettings, process: Process) -> AsyncIterator[Parts]:
    pool = database.connect(settings.database_url.get_secret_value(), settings.database_connections)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(pool)
        await database.persist(lambda: database.prepare(pool))
        await ensure_topics(settings.cluster)
        connection = await stack.enter_async_context(connected(settings))
        cluster, codec, publisher = connection.cluster, connection.codec, connection.publisher
        reader = PartitionReader(cluster, tuple(MOST_RECORDS), _REREAD_RECORDS)
        stack.push_async_callback(reader.close)
        reconciler = Reconciler(
            pool=pool,
            codec=codec,
            writer=BatchWriter(pool, codec, settings.policy, _now),
            dead_letters=publisher,
            records=reader,
            now=_now,
        )
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="reconciler-")))
        stream = Stream(cluster, reconciler.process, folder)
        process.health.add_check("kafka", stream.readiness)
        process.health.add_check("database", lambda: database.ping(pool))
        relay = Relay(pool, publisher, reconciler.decided)
        yield Parts(reconciler, relay, reader, stream)


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    run(SERVICE, ReconcilerSettings, serve)

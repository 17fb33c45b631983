"""`python -m reconciler`: puts the reconciler together and runs it until told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mint_events.admin import ensure_topics
from mint_events.bus import Publisher
from mint_events.catalogue import Layer
from mint_events.gate import Report
from mint_events.topics import Topic
from mint_resilience.postgres import endpoint_of
from mint_runtime.connection import Connection, connected
from mint_runtime.layer_reports import LayerReports, Speaker
from mint_runtime.service import Process, run
from reconciler import database
from reconciler.admission import Admission
from reconciler.announcements import Announcements
from reconciler.batch import BatchWriter
from reconciler.gate import Gate
from reconciler.guarded import GuardedDatabase
from reconciler.partition_reader import PartitionReader
from reconciler.patrol import patrol
from reconciler.relay import Relay
from reconciler.service import SERVICE, Reconciler
from reconciler.settings import ReconcilerSettings
from reconciler.stream import MOST_RECORDS, Stream
from reconciler.waiting import Waiting
from reconciler.write_probe import Tell, WriteProbe

_REREAD_RECORDS = 32
"""Records that are read again at a time; each may hold an image."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What runs side by side."""

    reconciler: Reconciler
    relay: Relay
    reader: PartitionReader
    stream: Stream
    reports: LayerReports
    gatekeeping: tuple[Callable[[], Coroutine[Any, Any, None]], ...]


async def serve(settings: ReconcilerSettings, process: Process) -> None:
    """Reconcile until `process.stop` is set."""
    async with _parts(settings, process) as parts, asyncio.TaskGroup() as tasks:
        tasks.create_task(parts.relay.run(process.stop))
        tasks.create_task(
            patrol(parts.reconciler, parts.reader.ends, process.stop, settings.patrol_seconds)
        )
        tasks.create_task(parts.reports.run(process.stop))
        keeping = [tasks.create_task(work()) for work in parts.gatekeeping]
        await parts.stream.run(process.stop)
        for task in keeping:
            task.cancel()


@asynccontextmanager
async def _parts(settings: ReconcilerSettings, process: Process) -> AsyncIterator[Parts]:
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(connected(settings, SERVICE))
        guarded = await _database(settings, connection, stack)
        pool = guarded.pool
        await ensure_topics(settings.cluster)
        gate = Gate(settings.solana_authority, _now)
        reader = _reader(connection, tuple(MOST_RECORDS), _REREAD_RECORDS, stack)
        reconciler = _reconciler(settings, guarded, connection, reader, gate)
        admission = Admission(gate, reconciler, reader)
        reports = _reports(settings, connection.publisher)
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="reconciler-")))
        stream = Stream(connection.cluster, admission.process, folder)
        process.health.add_check("kafka", stream.readiness)
        process.health.add_check("database", lambda: database.ping(pool))
        relay = Relay(guarded, connection.publisher, reconciler.decided)
        gatekeeping = (
            gate.run,
            Announcements(connection.cluster, connection.codec, gate, _now).run,
            WriteProbe(pool, _tell(settings, gate, reports, guarded)).run,
            admission.run,
            Waiting(guarded, _reader(connection, tuple(MOST_RECORDS), 1, stack), _now).run,
        )
        yield Parts(reconciler, relay, reader, stream, reports, gatekeeping)


async def _database(
    settings: ReconcilerSettings, connection: Connection, stack: AsyncExitStack
) -> GuardedDatabase:
    url = settings.database_url.get_secret_value()
    pool = await stack.enter_async_context(database.connect(url, settings.database_connections))
    guarded = GuardedDatabase(
        pool,
        endpoint_of(url),
        policy=settings.breaker_policy,
        observer=connection.observer,
    )
    await guarded.run(lambda: database.prepare(pool))
    return guarded


def _reader(
    connection: Connection, topics: Sequence[Topic], most_records: int, stack: AsyncExitStack
) -> PartitionReader:
    reader = PartitionReader(connection.cluster, topics, most_records)
    stack.push_async_callback(reader.close)
    return reader


def _reconciler(
    settings: ReconcilerSettings,
    guarded: GuardedDatabase,
    connection: Connection,
    reader: PartitionReader,
    gate: Gate,
) -> Reconciler:
    return Reconciler(
        database=guarded,
        codec=connection.codec,
        writer=BatchWriter(guarded.pool, connection.codec, settings.policy, _now),
        dead_letters=connection.publisher,
        records=reader,
        holds=gate.holds,
        now=_now,
    )


def _reports(settings: ReconcilerSettings, publisher: Publisher) -> LayerReports:
    speaker = Speaker(layer=Layer.DATABASE, service=SERVICE, instance=settings.service_instance)
    return LayerReports(speaker, publisher, settings, _now)


def _tell(
    settings: ReconcilerSettings, gate: Gate, reports: LayerReports, guarded: GuardedDatabase
) -> Tell:
    """What the probe finds is for our gate and our breaker, and for all who want to know."""

    def tell(fault: str | None) -> None:
        gate.report(
            Report(
                layer=Layer.DATABASE,
                instance=settings.service_instance,
                fault=fault,
                expires=_now() + timedelta(seconds=settings.health_valid_seconds),
            )
        )
        reports.tell(fault)
        guarded.looked(fault)

    return tell


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    run(SERVICE, ReconcilerSettings, serve)

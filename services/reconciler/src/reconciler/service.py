"""The reconciler's shell: raw records in, committed batches out.

Faust may skip records, bring them twice or out of order; what counts is the ledger of offsets in
the database. A record that can not be worked on goes to the dead-letter topic before its partition
is moved past it, and everything else goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

import structlog

from mint_events.bus.deadletter import dead_letter, without_value
from mint_events.bus.record import Consumed, Position
from mint_events.codec import Codec
from mint_events.envelope import Envelope, Received
from mint_events.topics import DEADLETTER
from mint_resilience.failpoints import Boundary, reach
from mint_resilience.failures import Conflict, Permanent, Poison
from mint_runtime.logs import told
from reconciler import metrics
from reconciler.batch import BatchWriter, OffsetsMoved, Written
from reconciler.guarded import GuardedDatabase
from reconciler.offset_ledger import expected_offsets
from reconciler.offsets import Advance, Gap, Partition, Stretch, sift, stretches_of
from reconciler.persist import persist

SERVICE = "reconciler"

MOST_BYTES = 32 * 1024 * 1024
"""Of records in one transaction, which takes several times that in memory."""

log = structlog.stdlib.get_logger(__name__)


class Held(Conflict):
    """What was to be written is to wait since."""


class DeadLetters(Protocol):
    """Where what can not be worked on is published."""

    async def publish(self, *envelopes: Envelope) -> list[Position]:
        """Return when all are acknowledged; raise `Permanent` for one that is too large."""


class Records(Protocol):
    """Where a piece of a partition is read again."""

    async def read(self, gap: Gap) -> Stretch:
        """The first records of the gap, or all."""


class Reconciler:
    """Works raw records through; `process` returns when all that they carry is committed."""

    def __init__(
        self,
        *,
        database: GuardedDatabase,
        codec: Codec,
        writer: BatchWriter,
        dead_letters: DeadLetters,
        records: Records,
        holds: Callable[[Partition], bool],
        now: Callable[[], datetime],
    ) -> None:
        """`holds` says of which partitions nothing is to be worked on for now."""
        self._database = database
        self._codec = codec
        self._writer = writer
        self._dead_letters = dead_letters
        self._records = records
        self._holds = holds
        self._now = now
        self.decided = asyncio.Event()
        """Set when there is something to publish."""

    async def process(self, records: Sequence[Consumed]) -> None:
        """Work records through, in whatever order and however often they come.

        While the database or Kafka is away it waits; nothing is skipped.
        """
        await self.work(stretches_of(records))

    async def fill(self, gap: Gap) -> None:
        """Read a gap from Kafka and work it through, a stretch at a time, unless it is held."""
        if self._holds(gap.partition):
            return
        metrics.GAPS.inc()
        log.warning("gap", partition=gap.partition, first=gap.first, stop=gap.stop)
        at = gap.first
        while at < gap.stop and not self._holds(gap.partition):
            stretch = await self._read(Gap(partition=gap.partition, first=at, stop=gap.stop))
            _report_vanished(stretch)
            await self.work([stretch])
            at = stretch.stop

    async def expected(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """The offset expected next of each partition."""

        async def read() -> dict[Partition, int]:
            async with self._database.pool.acquire() as connection:
                return await expected_offsets(connection, partitions)

        return await self._database.run(read)

    async def work(self, stretches: Sequence[Stretch]) -> None:
        """Work pieces of partitions through, but for what is held, which stays in Kafka."""
        while taken := [each for each in stretches if not self._holds(each.partition)]:
            partitions = sorted({stretch.partition for stretch in taken})
            found = sift(taken, await self.expected(partitions))
            if not isinstance(found, Advance):
                for gap in found:
                    await self.fill(gap)
                continue
            try:
                await self._advance(found)
            except (OffsetsMoved, Held) as changed:
                log.info("batch sifted again", **told(changed))
            else:
                return

    async def _advance(self, step: Advance) -> None:
        if step.before == step.after:
            return
        if len(step.records) > 1 and sum(record.size for record in step.records) > MOST_BYTES:
            for half in step.halves():
                await self._advance(half)
            return
        await persist(lambda: self._codec.prepare(record.value for record in step.records))
        read = [(record, await self._readable(record)) for record in step.records]
        known = [(record, event) for record, event in read if event is not None]
        step = replace(step, records=tuple(record for record, _ in known))
        await self._commit(step, [event for _, event in known])

    async def _commit(self, step: Advance, events: Sequence[Received]) -> None:
        """Write the batch; if it can not be written, halve it until the event at fault is alone."""
        try:
            await self._write(step, events)
        except Poison as poison:
            if not events:
                raise
            await self._isolate(step, events, poison)

    async def _isolate(self, step: Advance, events: Sequence[Received], poison: Poison) -> None:
        if len(events) == 1:
            await self._give_up(step.records[0], poison)
            await self._write(replace(step, records=()), [])
            return
        first, second = step.halves()
        await self._commit(first, events[: len(first.records)])
        await self._commit(second, events[len(first.records) :])

    async def _write(self, step: Advance, events: Sequence[Received]) -> None:
        reach(Boundary.BATCH_SIFTED)
        with metrics.BATCH_SECONDS.time():
            written = await self._database.run(lambda: self._write_unless_held(step, events))
        reach(Boundary.BATCH_COMMITTED)
        _count(events, written)
        if written.decided:
            self.decided.set()

    async def _write_unless_held(self, step: Advance, events: Sequence[Received]) -> Written:
        """Asked before every try: what waited for the database may have to wait for more."""
        if any(map(self._holds, step.after)):
            raise Held("the gate was closed meanwhile: what is held stays in Kafka")
        return await self._writer.write(step, events)

    async def _readable(self, record: Consumed) -> Received | None:
        """The event in a record; None when there is none, which then is a dead letter."""
        place = record.position
        try:
            return self._codec.decode(
                place.topic,
                place.partition,
                place.offset,
                record.timestamp_ms,
                record.key,
                record.value,
                record.headers,
            )
        except Poison as poison:
            await self._give_up(record, poison)
            return None

    async def _give_up(self, record: Consumed, poison: Poison) -> None:
        log.error("dead letter", record=str(record.position), **told(poison))
        metrics.DEAD_LETTERS.labels(record.position.topic, poison.kind).inc()
        if record.position.topic == DEADLETTER.name:
            return  # it lies where it belongs; a letter about it could be as unreadable
        letter = dead_letter(
            record, service=SERVICE, failure=poison.kind, detail=str(poison), time=self._now()
        )
        try:
            await persist(lambda: self._dead_letters.publish(letter))
        except Permanent:
            await persist(lambda: self._dead_letters.publish(without_value(letter)))

    async def _read(self, gap: Gap) -> Stretch:
        return await persist(lambda: self._records.read(gap))


def _report_vanished(stretch: Stretch) -> None:
    vanished = stretch.stop - stretch.first - len(stretch.records)
    if vanished:
        metrics.VANISHED.inc(vanished)
        log.warning(
            "offsets without a record are passed",
            partition=stretch.partition,
            first=stretch.first,
            stop=stretch.stop,
            offsets=vanished,
        )


def _count(events: Sequence[Received], written: Written) -> None:
    metrics.BATCH_RECORDS.observe(len(events))
    for event in events:
        metrics.RECEIVED.labels(event.envelope.type).inc()
    for envelope in written.decided:
        metrics.DECIDED.labels(envelope.type).inc()

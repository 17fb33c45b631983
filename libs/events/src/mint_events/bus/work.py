"""What is done with one record: decode it, let the handler work, and see its outputs acknowledged.

Each of these is tried again as its failure asks for. A record whose retries are used up for now is
parked on a delay topic, and so is one that would overtake it; a record that is given up on becomes
a dead letter. It returns when nothing more is to be done for the record here.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog

from mint_events.bus import metrics
from mint_events.bus.attempts import BUG, kind_of
from mint_events.bus.deadletter import dead_letter, is_for_another, without_value
from mint_events.bus.delay import (
    Parked,
    as_record,
    delay_topic,
    delayed,
    lane_of,
    parked,
    read_parked,
    undelayed,
)
from mint_events.bus.outcome import Delay, Handler, Output, Publish, Tombstone
from mint_events.bus.parking import NEW, ParkedRecord, Parking
from mint_events.bus.publisher import Publisher
from mint_events.bus.record import Consumed, Record
from mint_events.bus.trying import Exhausted, GivenUp, Trying
from mint_events.codec import Codec
from mint_events.envelope import Received
from mint_events.tracing import trace_id
from mint_resilience.failpoints import Boundary, reach
from mint_resilience.failures import Permanent, Poison

FOLLOWS = "follows"
"""Why a record is parked that was not tried: one of its key is parked before it."""

log = structlog.stdlib.get_logger(__name__)


class RecordWork:
    """Works on records for one service; an instance serves all its lanes."""

    def __init__(
        self,
        service: str,
        handler: Handler,
        publisher: Publisher,
        codec: Codec,
        trying: Trying,
        parking: Parking,
    ) -> None:
        self._service = service
        self._handler = handler
        self._publisher = publisher
        self._codec = codec
        self._trying = trying
        self._parking = parking

    async def __call__(self, record: Consumed) -> None:
        """Do all that is to be done for the record."""
        metrics.CONSUMED.labels(record.position.topic).inc()
        if is_for_another(record, self._service):
            return
        with structlog.contextvars.bound_contextvars(record=str(record.position)):
            try:
                await self._advance(record)
            except GivenUp as outcome:
                await self._bury(record, outcome)

    async def _advance(self, record: Consumed) -> None:
        """Work on the record, or park it. Raises `GivenUp`."""
        place = record.position
        lane = lane_of(record.key, record.headers, place.topic, place.partition)
        before = self._before(record)
        if (above := self._parking.to_follow(lane, before.level)) is not None:
            await self._park(record, lane, replace(before, level=above), FOLLOWS)
            return
        try:
            await self._work(record)
        except Exhausted as outcome:
            await self._exhausted(record, lane, before, outcome)

    def _before(self, record: Consumed) -> Parked:
        """How the record was parked, if it was."""
        ours = any(topic.name == record.position.topic for topic in self._parking.topics)
        return (read_parked(record.headers) if ours else None) or NEW

    async def _exhausted(
        self, record: Consumed, lane: bytes, before: Parked, outcome: Exhausted
    ) -> None:
        """Park a record whose retries are used up. Raises `GivenUp` if it was for the last time."""
        failure, attempts = outcome.failure, before.attempts + outcome.attempts
        patience = getattr(failure, "retry_after", None) or 0.0
        level = self._parking.next_level(before, patience)
        if level is None:
            raise GivenUp(attempts) from failure
        after = Parked(level=level, exhausted=before.exhausted + 1, attempts=attempts)
        await self._park(record, lane, after, kind_of(failure))

    async def _work(self, record: Consumed) -> None:
        received = await self._trying.until_done(lambda: self._decode(record))
        with structlog.contextvars.bound_contextvars(**_log_context(received)):
            handle = self._trying.within_budget if self._parking.waits else self._trying.until_done
            outputs = await handle(lambda: self._handle(received))
            reach(Boundary.CONSUMER_HANDLED)
            if outputs:
                await self._trying.until_done(lambda: self._carry_out(outputs))
                reach(Boundary.CONSUMER_PUBLISHED)

    async def _park(self, record: Consumed, lane: bytes, after: Parked, failure: str) -> None:
        """Hand the record to the delay topic of its level; only then may its lane go on."""
        topic, wait = self._parking.place_of(after.level)
        origin = _origin(record)
        later = parked(origin, topic, datetime.now(UTC) + timedelta(seconds=wait.seconds), after)
        (position,) = await self._trying.until_done(lambda: self._publisher.send(later))
        self._parking.add(ParkedRecord(lane, after.level, position))
        reach(Boundary.CONSUMER_PUBLISHED)
        metrics.PARKINGS.labels(origin.position.topic, failure).inc()
        log.warning("parked", failure=failure, attempts=after.attempts, seconds=wait.seconds)

    async def _decode(self, record: Consumed) -> Received:
        record = undelayed(record)
        place = record.position
        await self._codec.prepare((record.value,))
        return self._codec.decode(
            place.topic,
            place.partition,
            place.offset,
            record.timestamp_ms,
            record.key,
            record.value,
            record.headers,
        )

    async def _handle(self, received: Received) -> Sequence[Output]:
        begun = time.perf_counter()
        outcome = BUG
        try:
            outputs = await self._handler(received)
            outcome = "ok"
        except Exception as error:
            outcome = kind_of(error)
            raise
        finally:
            seconds = metrics.HANDLER_SECONDS.labels(received.envelope.type, outcome)
            seconds.observe(time.perf_counter() - begun)
        return outputs

    async def _carry_out(self, outputs: Sequence[Output]) -> None:
        await self._publisher.send(*(self._record(output) for output in outputs))

    def _record(self, output: Output) -> Record:
        match output:
            case Publish(envelope, topic):
                return self._publisher.record(envelope, topic)
            case Tombstone(topic, key):
                return Record(topic=topic.name, key=key.encode(), value=None)
            case Delay():
                return self._delayed(output)

    def _delayed(self, delay: Delay) -> Record:
        topic = delay_topic(self._service, delay.wait)
        due = datetime.now(UTC) + timedelta(seconds=delay.wait.seconds)
        if isinstance(delay.subject, Received):
            return delayed(as_record(delay.subject), topic, due)
        return delayed(self._publisher.record(delay.subject, topic), topic, due)

    async def _bury(self, record: Consumed, outcome: GivenUp) -> None:
        """Publish the dead letter, however long that takes."""
        reason = outcome.failure
        kind = kind_of(reason)
        log.error("dead letter", failure=kind, detail=str(reason))
        letter = dead_letter(
            _origin(record),
            service=self._service,
            failure=kind,
            detail=f"{type(reason).__name__}: {reason}" if kind == BUG else str(reason),
            time=datetime.now(UTC),
            attempts=outcome.attempts,
        )
        try:
            await self._trying.until_done(lambda: self._publisher.publish(letter))
        except GivenUp as refused:
            if not isinstance(refused.failure, Permanent):
                raise
            await self._trying.until_done(lambda: self._publisher.publish(without_value(letter)))
        metrics.DEAD_LETTERS.labels(record.position.topic, kind).inc()


def _origin(record: Consumed) -> Consumed:
    """The record as it came first; as it is, when what was added to it can not be read."""
    try:
        return undelayed(record)
    except Poison:
        return record


def _log_context(received: Received) -> dict[str, str]:
    envelope = received.envelope
    context = {"mint_id": envelope.subject, "event_type": envelope.type}
    if envelope.traceparent is not None:
        context["trace_id"] = trace_id(envelope.traceparent)
    return context

"""What is done with one record: decode it, let the handler work, and see its outputs acknowledged.

Each of these is tried again as its failure asks for; a record that is given up on becomes a dead
letter. It returns when nothing more is to be done for the record.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import structlog

from mint_events.bus import metrics
from mint_events.bus.attempts import BUG, GiveUp, judge, kind_of
from mint_events.bus.deadletter import dead_letter, without_value
from mint_events.bus.delay import as_record, delay_topic, delayed, undelayed
from mint_events.bus.limits import Limits
from mint_events.bus.outcome import Delay, Handler, Output, Publish, Tombstone
from mint_events.bus.publisher import Publisher
from mint_events.bus.record import Consumed, Record
from mint_events.codec import Codec
from mint_events.envelope import Received
from mint_events.tracing import trace_id
from mint_resilience.failpoints import Boundary, reach
from mint_resilience.failures import Permanent

T = TypeVar("T")
Pause = Callable[[float], Awaitable[None]]
"""Waits so many seconds; raises `Abandoned` when the partition is taken away meanwhile."""

log = structlog.stdlib.get_logger(__name__)


class GivenUp(Exception):  # noqa: N818 - an outcome, not an error
    """No further attempt is made; its cause is the last failure."""


class RecordWork:
    """Works on records for one service; an instance serves all its lanes."""

    def __init__(
        self,
        service: str,
        handler: Handler,
        publisher: Publisher,
        codec: Codec,
        limits: Limits,
        pause: Pause,
    ) -> None:
        self._service = service
        self._handler = handler
        self._publisher = publisher
        self._codec = codec
        self._limits = limits
        self._pause = pause

    async def __call__(self, record: Consumed) -> None:
        """Do all that is to be done for the record."""
        metrics.CONSUMED.labels(record.position.topic).inc()
        with structlog.contextvars.bound_contextvars(record=str(record.position)):
            try:
                await self._work(record)
            except GivenUp as outcome:
                await self._bury(record, outcome.__cause__ or outcome)

    async def _work(self, record: Consumed) -> None:
        received = await self._persist(lambda: self._decode(record))
        with structlog.contextvars.bound_contextvars(**_log_context(received)):
            outputs = await self._persist(lambda: self._handle(received))
            reach(Boundary.CONSUMER_HANDLED)
            if outputs:
                reach(Boundary.CONSUMER_HANDLED)
                await self._persist(lambda: self._carry_out(outputs))
                reach(Boundary.CONSUMER_PUBLISHED)

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

    async def _bury(self, record: Consumed, reason: BaseException) -> None:
        """Publish the dead letter, however long that takes."""
        kind = kind_of(reason)
        log.error("dead letter", failure=kind, detail=str(reason))
        letter = dead_letter(
            record,
            service=self._service,
            failure=kind,
            detail=f"{type(reason).__name__}: {reason}" if kind == BUG else str(reason),
            time=datetime.now(UTC),
        )
        try:
            await self._persist(lambda: self._publisher.publish(letter))
        except GivenUp as outcome:
            if not isinstance(outcome.__cause__, Permanent):
                raise
            await self._persist(lambda: self._publisher.publish(without_value(letter)))
        metrics.DEAD_LETTERS.labels(record.position.topic, kind).inc()

    async def _persist(self, step: Callable[[], Awaitable[T]]) -> T:
        """Do the step until it succeeds. Raises `GivenUp` from its last failure."""
        for attempt in itertools.count(1):
            try:
                return await _uncancelled(step())
            except Exception as error:
                verdict = judge(error, attempt, self._limits, random.random)
                if isinstance(verdict, GiveUp):
                    _report(error, attempt, None)
                    raise GivenUp from error
                _report(error, attempt, verdict.seconds)
            await self._rest(verdict.seconds)
        raise AssertionError("unreachable: the attempts are not counted to an end")

    async def _rest(self, seconds: float) -> None:
        with metrics.WAITING.track_inprogress():
            await self._pause(seconds)


async def _uncancelled(step: Awaitable[T]) -> T:
    """A cancellation that nobody asked this task for is a bug of the step, not the task's end."""
    try:
        return await step
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise RuntimeError("the handler was cancelled from within") from error


def _report(error: Exception, attempt: int, seconds: float | None) -> None:
    kind = kind_of(error)
    if seconds is not None:
        metrics.RETRIES.labels(kind).inc()
    log.warning(
        "attempt failed",
        failure=kind,
        detail=str(error),
        attempt=attempt,
        next_in=seconds,
        exc_info=error if kind == BUG else None,
    )


def _log_context(received: Received) -> dict[str, str]:
    envelope = received.envelope
    context = {"mint_id": envelope.mint_id, "event_type": envelope.type}
    if envelope.traceparent is not None:
        context["trace_id"] = trace_id(envelope.traceparent)
    return context

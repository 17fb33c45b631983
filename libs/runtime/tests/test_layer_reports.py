"""A layer's owner says how it finds it: at once when it changes, again and again, and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from mint_events.bus import Position
from mint_events.catalogue import Layer, LayerHealthReported
from mint_events.envelope import Envelope
from mint_events.gate import Cause, closures, report_of
from mint_events.topics import HEALTH, Topic, topic_of
from mint_resilience.failures import Transient
from mint_runtime.layer_reports import LayerReports, ReportSettings, Speaker

NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
LAYER = Layer.IPFS
SPEAKER = Speaker(layer=LAYER, service="ipfs-uploader", instance="one")
SELDOM = 3600.0
OFTEN = 0.01
VALID = 7200.0


class Time:
    """The time, as the test wants it."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Topics:
    """Takes what is published, unless it is told to refuse."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[Envelope] = asyncio.Queue()
        self.taken_back: list[tuple[Topic, str]] = []
        self.refusals = 0
        self.refused = asyncio.Event()

    async def publish(self, *envelopes: Envelope) -> Sequence[Position]:
        if self.refusals:
            self.refusals -= 1
            self.refused.set()
            raise Transient("no broker answers")
        for envelope in envelopes:
            self.said.put_nowait(envelope)
        return []

    async def tombstone(self, topic: Topic, key: str) -> Position:
        self.taken_back.append((topic, key))
        return Position(topic=topic.name, partition=0, offset=0)

    async def next(self) -> LayerHealthReported:
        event = (await self.next_envelope()).event
        assert isinstance(event, LayerHealthReported)
        return event

    async def next_envelope(self) -> Envelope:
        async with asyncio.timeout(10):
            return await self.said.get()


def settings(every: float) -> ReportSettings:
    return ReportSettings(
        kafka_brokers=("nobody:1",), health_report_seconds=every, health_valid_seconds=VALID
    )


@asynccontextmanager
async def reporting(
    topics: Topics, *, every: float = SELDOM, time: Time | None = None
) -> AsyncIterator[LayerReports]:
    reports = LayerReports(SPEAKER, topics, settings(every), time or Time())
    stop = asyncio.Event()
    running = asyncio.create_task(reports.run(stop))
    try:
        yield reports
    finally:
        stop.set()
        await running


@pytest.mark.requirement("MF-3")
async def test_a_change_is_said_at_once_and_what_is_no_change_is_not_said_again() -> None:
    topics = Topics()
    async with reporting(topics) as reports:
        reports.tell(None)
        assert (await topics.next()).fault is None
        reports.tell(None)
        reports.tell("pinata refuses")
        assert (await topics.next()).fault == "pinata refuses"
    assert topics.said.empty()


@pytest.mark.requirement("MF-3")
async def test_a_new_look_without_a_change_is_said_when_the_last_one_said_is_old() -> None:
    topics, time = Topics(), Time()
    async with reporting(topics, time=time) as reports:
        said = []
        for _ in range(3):
            reports.tell(None)
            said.append((await topics.next_envelope()).time)
            time.passes(SELDOM)
    assert said == [NOW + timedelta(seconds=n * SELDOM) for n in range(3)]


@pytest.mark.requirement("MF-3")
async def test_when_looks_come_no_more_nothing_is_said_and_the_gate_closes_by_lapse() -> None:
    topics, time = Topics(), Time()
    async with reporting(topics, every=OFTEN, time=time) as reports:
        reports.tell(None)
        look = await topics.next_envelope()
        time.passes(VALID)
        await asyncio.sleep(OFTEN * 3)
    assert topics.said.empty(), "a look was said again as if it were a new one"
    assert isinstance(look.event, LayerHealthReported)
    report = report_of(look.event, look.time)
    assert Cause.UNKNOWN in {c.cause for c in closures([report], (), time()) if c.layer is LAYER}


@pytest.mark.requirement("MF-3")
async def test_what_is_said_late_holds_from_the_look_and_not_from_then() -> None:
    topics, time = Topics(), Time()
    topics.refusals = 1
    async with reporting(topics, time=time) as reports:
        reports.tell(None)
        async with asyncio.timeout(10):
            await topics.refused.wait()
        time.passes(20)
        assert (await topics.next_envelope()).time == NOW


async def test_before_anything_is_known_nothing_is_said_nor_taken_back() -> None:
    topics = Topics()
    async with reporting(topics, every=OFTEN):
        await asyncio.sleep(OFTEN * 3)
    assert topics.said.empty()
    assert topics.taken_back == []


async def test_what_was_not_acknowledged_is_said_again() -> None:
    topics = Topics()
    topics.refusals = 1
    async with reporting(topics) as reports:
        reports.tell("pinata refuses")
        assert (await topics.next()).fault == "pinata refuses"


async def test_at_the_end_it_is_taken_back_under_the_key_it_was_said_by() -> None:
    topics = Topics()
    async with reporting(topics) as reports:
        reports.tell(None)
        said = await topics.next()
    assert topics.taken_back == [(HEALTH, said.subject)]
    assert topic_of(LayerHealthReported) is HEALTH
    assert said.subject == "layer/ipfs/one"


def test_a_report_has_to_hold_until_the_next_one() -> None:
    with pytest.raises(ValidationError, match=r"expected more than .*REPORT_SECONDS \(60\)"):
        ReportSettings(
            kafka_brokers=("nobody:1",), health_report_seconds=60, health_valid_seconds=60
        )

"""What the metrics say of work that waits: how much, with how much room, and since when."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from mint_events.bus import Limits, Output, delay_topic
from mint_events.bus.delay import Wait, delayed
from mint_events.bus.depth import since
from mint_events.bus.record import Consumed, Position
from mint_events.envelope import Received
from mint_events.topics import MAX_RECORD_BYTES, Topic

from .support import GROUP, INPUT, OTHER, PARTITIONS, Bus, event, eventually, running
from .test_delay import delay_topics

LIMITS = Limits(
    max_in_flight=7,
    max_in_flight_bytes=1_000_000,
    commit_seconds=0.02,
    depth_seconds=0.05,
    retry_base=0.01,
)


async def nothing(_: Received) -> Sequence[Output]:
    return ()


def lags(topic: Topic = INPUT) -> list[float | None]:
    name, labels = "trimint_consumer_lag_records", {"group": GROUP, "topic": topic.name}
    return [
        REGISTRY.get_sample_value(name, {**labels, "partition": str(n)}) for n in range(PARTITIONS)
    ]


def lag(topic: Topic = INPUT) -> float | None:
    """The lag of all partitions; None before each has one."""
    known = [each for each in lags(topic) if each is not None]
    return sum(known) if len(known) == PARTITIONS else None


def age(topic: Topic = INPUT) -> float | None:
    labels = {"group": GROUP, "topic": topic.name}
    return REGISTRY.get_sample_value("trimint_oldest_open_seconds", labels)


@pytest.mark.requirement("NR-5", "OB-1")
async def test_what_waits_is_counted_though_consumption_is_held_from_the_start(bus: Bus) -> None:
    """Given 50 records of which nothing may be read, then the metrics say 50 and their age, and
    once they are done, 0 and none."""
    began = time.time()
    await bus.publisher.publish(*(event(f"k{n}", n) for n in range(50)), topic=INPUT)
    consumer = bus.consumer(nothing, limits=LIMITS)
    consumer.pause()
    async with running(consumer):
        await eventually(lambda: lag() == 50)
        await eventually(lambda: (age() or 0.0) > 0.0)
        assert (age() or 0.0) <= time.time() - began
        consumer.resume()
        await eventually(lambda: lag() == 0)
        await eventually(lambda: age() == 0.0)


@pytest.mark.requirement("NR-5", "OB-1")
async def test_what_comes_while_consumption_is_held_later_is_counted(bus: Bus) -> None:
    """Given a consumer that has done all, when it is held and 200 come, then the lag is 200 and
    the age is that of the first, which grows; what an earlier process did is not counted again."""
    consumer = bus.consumer(nothing, limits=LIMITS)
    async with running(consumer):
        await bus.publisher.publish(*(event(f"k{n}", n) for n in range(20)), topic=INPUT)
        await eventually(lambda: lag() == 0 and consumer.in_flight == 0)
        consumer.pause()
        await bus.publisher.publish(*(event(f"k{n}", n) for n in range(200)), topic=INPUT)
        await eventually(lambda: lag() == 200)
        await eventually(lambda: (age() or 0.0) > 0.0)
        before = age() or 0.0
        await eventually(lambda: (age() or 0.0) > before)
    async with running(consumer):
        await eventually(lambda: lag() == 200)


@pytest.mark.requirement("NR-5", "OB-1")
async def test_depth_and_capacity_are_told_in_records_and_in_bytes(bus: Bus) -> None:
    """Given room for 7 and 30 that hang, then 7 are in flight of 7, and 30 are not done."""
    async with running(bus.consumer(hangs, limits=LIMITS_AT_THE_END)):
        await bus.publisher.publish(*(event(f"k{n}", n) for n in range(30)), topic=INPUT)
        await eventually(lambda: of_group("trimint_in_flight_records") == 7)
        await eventually(lambda: lag() == 30)
        await eventually(lambda: (age() or 0.0) > 0.0)
        assert of_group("trimint_in_flight_limit_records") == 7
        assert of_group("trimint_in_flight_limit_bytes") == 1_000_000
        assert 0 < of_group("trimint_in_flight_bytes") < 1_000_000


@pytest.mark.requirement("NR-5", "OB-1")
async def test_partitions_that_are_taken_away_keep_no_sample(bus: Bus) -> None:
    async with running(bus.consumer(nothing, limits=LIMITS)):
        await eventually(lambda: lag() == 0)
        await eventually(lambda: age() == 0.0)
    assert lags() == [None] * PARTITIONS
    assert age() is None


@pytest.mark.requirement("NR-5")
async def test_delayed_work_has_an_age_from_when_it_is_due(bus: Bus) -> None:
    """Given one record that is due in an hour, then one is waiting, and it is not old."""
    wait = Wait(3600)
    topic = delay_topic(GROUP, wait)
    await delay_topics(bus, wait)
    later = datetime.now(UTC) + timedelta(hours=1)
    record = bus.publisher.record(event("key", 0), INPUT)
    await bus.publisher.send(delayed(record, topic, later))
    await bus.publisher.publish(*(event(f"k{n}", n) for n in range(8)), topic=OTHER)
    consumer = bus.consumer(nothing, topics=(OTHER,), limits=LIMITS, delays=(wait,))
    consumer.pause([OTHER])
    async with running(consumer):
        await eventually(lambda: lag(topic) == 1)
        await eventually(lambda: (age(OTHER) or 0.0) > 0.0)
        assert age(topic) == 0.0


@pytest.mark.requirement("NR-5")
async def test_the_largest_record_has_an_age_too(bus: Bus) -> None:
    """It is looked at with a fetch of the smallest size: Kafka gives one whole batch anyway."""
    record = bus.publisher.record(event("key", 0), INPUT)
    large = type(record)(topic="in", key=b"key", value=bytes(MAX_RECORD_BYTES))
    await bus.publisher.send(large)
    consumer = bus.consumer(nothing, limits=LIMITS)
    consumer.pause()
    async with running(consumer):
        await eventually(lambda: (age() or 0.0) > 0.0)


def test_a_record_waits_since_it_was_written_or_since_it_is_due() -> None:
    due = datetime(2026, 1, 1, tzinfo=UTC)
    headers = (("trimint_due", due.isoformat().encode()),)
    place = Position(topic="d", partition=0, offset=0)
    record = Consumed(position=place, timestamp_ms=5000, key=b"", value=b"", headers=headers)
    assert since(record, {"d"}) == due.timestamp()
    assert since(record, set()) == 5.0, "elsewhere the header says nothing"


LIMITS_AT_THE_END = Limits(
    max_in_flight=7,
    max_in_flight_bytes=1_000_000,
    commit_seconds=0.02,
    depth_seconds=0.05,
    drain_seconds=0.1,
)


async def hangs(_: Received) -> Sequence[Output]:
    await asyncio.Event().wait()
    return ()


def of_group(name: str) -> float:
    return REGISTRY.get_sample_value(name, {"group": GROUP}) or 0.0

"""Delayed work comes back no earlier than due, in Kafka all the while."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mint_events.admin import ensure_topics
from mint_events.bus import Delay, Output, Wait, delay_topic, parking_topic
from mint_events.bus.delay import (
    Parked,
    as_record,
    delayed,
    due,
    lane_of,
    parked,
    read_parked,
    undelayed,
)
from mint_events.bus.record import Consumed, Position, Record
from mint_events.envelope import Received
from mint_resilience.failures import Poison

from .support import GROUP, INPUT, PARTITIONS, Bus, event, eventually, number, running

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
header_names = st.text(min_size=1, max_size=8).filter(lambda name: not name.startswith("trimint_"))


def consumed(record: Record) -> Consumed:
    return Consumed(
        position=Position(topic=record.topic, partition=3, offset=9),
        timestamp_ms=0,
        key=record.key,
        value=record.value,
        headers=record.headers,
    )


@given(headers=st.lists(st.tuples(header_names, st.binary())).map(tuple))
def test_a_received_record_comes_back_as_it_was(headers: tuple[tuple[str, bytes], ...]) -> None:
    received = Received(
        envelope=event("key", 0),
        topic="mint.chain",
        partition=5,
        offset=77,
        key=b"key",
        value=b"value",
        headers=headers,
    )
    once = delayed(as_record(received), delay_topic("verifier", Wait(300)), NOW)
    assert once.topic == "verifier.delay.300s"
    assert due(consumed(once)) == NOW
    back = undelayed(consumed(once))
    assert back.position == Position(topic="mint.chain", partition=5, offset=77)
    assert (back.key, back.value, back.headers) == (b"key", b"value", headers)


def test_a_new_event_comes_with_the_place_it_has_on_the_delay_topic() -> None:
    record = delayed(
        Record(topic="", key=b"k", value=b"v"), delay_topic("verifier", Wait(0.5)), NOW
    )
    assert undelayed(consumed(record)).position.topic == "verifier.delay.0.5s"


@pytest.mark.requirement("NR-6")
@pytest.mark.parametrize("key", [b"key", None])
def test_a_parked_record_keeps_its_partition_its_lane_and_what_it_went_through(
    key: bytes | None,
) -> None:
    place = Position(topic="mint.ledger", partition=3, offset=9)
    origin = Consumed(
        position=place, timestamp_ms=0, key=key, value=b"v", headers=(("a", b"1"), ("a", b"2"))
    )
    what = Parked(level=1, exhausted=2, attempts=30)
    record = parked(origin, parking_topic("verifier", Wait(30)), NOW, what)
    read = consumed(record)
    assert (record.partition, read_parked(read.headers), due(read)) == (3, what, NOW)
    assert undelayed(read) == origin
    assert lane_of(read.key, read.headers, record.topic, 3) == key or b"mint.ledger/3"


@pytest.mark.parametrize("text", [b"", b"1", b"1/2", b"1/2/x", b"-1/2/3", b"1/2/3/4"])
def test_what_does_not_say_how_it_was_parked_is_not_parked(text: bytes) -> None:
    assert read_parked((("trimint_parked", text),)) is None


@pytest.mark.parametrize("header", [("trimint_due", b"soon"), ("trimint_origin", b"nowhere")])
def test_a_header_that_is_not_ours_is_poison_and_not_held_back(header: tuple[str, bytes]) -> None:
    record = consumed(Record(topic="t", key=b"k", value=b"v", headers=(header,)))
    assert due(record) is None
    with pytest.raises(Poison, match=header[0]):
        undelayed(record)


async def delay_topics(bus: Bus, *waits: Wait) -> None:
    topics = [delay_topic(GROUP, wait) for wait in waits]
    await ensure_topics(bus.cluster, topics, partitions=PARTITIONS)


@pytest.mark.requirement("VE-2")
async def test_delayed_work_is_handed_to_the_handler_again_no_earlier_than_due(bus: Bus) -> None:
    wait = Wait(1.0)
    await delay_topics(bus, wait)
    await bus.publisher.publish(*(event(f"k{n}", n) for n in range(30)), topic=INPUT)
    first: dict[int, datetime] = {}
    again: dict[int, Received] = {}
    early: list[timedelta] = []

    async def handle(received: Received) -> Sequence[Output]:
        n, now = number(received), datetime.now(UTC)
        if n not in first:
            first[n] = now
            return [Delay(received, wait)]
        if now - first[n] < timedelta(seconds=1):
            early.append(now - first[n])
        again[n] = received
        return ()

    async with running(bus.consumer(handle, delays=(wait,))):
        await eventually(lambda: len(again) == 30)
    assert early == []
    assert {received.topic for received in again.values()} == {"in"}
    assert sum((await bus.committed()).values()) == 30


@pytest.mark.requirement("VE-2", "NR-6")
async def test_delayed_work_survives_a_restart_and_does_not_block_other_work(bus: Bus) -> None:
    wait = Wait(3.0)
    await delay_topics(bus, wait)
    seen: list[str] = []
    due_at: list[datetime] = []
    back: list[tuple[str, bool]] = []

    async def handle(received: Received) -> Sequence[Output]:
        key = received.envelope.mint_id
        if key == "later" and "later" not in seen:
            seen.append(key)
            due_at.append(datetime.now(UTC) + timedelta(seconds=3))
            return [Delay(received.envelope, wait)]
        if key == "later":
            back.append((received.topic, datetime.now(UTC) >= due_at[0]))
        seen.append(key)
        return ()

    async with running(bus.consumer(handle, delays=(wait,))) as consumer:
        await bus.publisher.publish(event("later", 0), topic=INPUT)
        await eventually(lambda: seen == ["later"] and consumer.in_flight == 0)
    async with running(bus.consumer(handle, delays=(wait,))):
        await bus.publisher.publish(event("now", 0), topic=INPUT)
        await eventually(lambda: len(seen) == 3)
    assert seen == ["later", "now", "later"]
    assert back == [(delay_topic(GROUP, wait).name, True)]


@pytest.mark.requirement("NR-6")
async def test_a_stream_of_delayed_work_comes_back_whole_and_each_in_its_time(bus: Bus) -> None:
    wait = Wait(0.3)
    await delay_topics(bus, wait)
    first: dict[int, datetime] = {}
    again: set[int] = set()
    early: list[int] = []

    async def handle(received: Received) -> Sequence[Output]:
        n = number(received)
        if n not in first:
            first[n] = datetime.now(UTC)
            return [Delay(received, wait)]
        if datetime.now(UTC) - first[n] < timedelta(seconds=0.3):
            early.append(n)
        again.add(n)
        return ()

    async with running(bus.consumer(handle, delays=(wait,))):
        for n in range(200):
            await bus.publisher.publish(event(f"k{n}", n), topic=INPUT)
            await asyncio.sleep(0)
        await eventually(lambda: len(again) == 200)
    assert early == []

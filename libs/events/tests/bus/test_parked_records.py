"""Retries that outlive a process: parked in Kafka, in order, and in the end a dead letter."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from signal import SIGKILL

import pytest

from mint_events.admin import ensure_topics
from mint_events.bus import Limits, Output, Wait, parking_topic
from mint_events.bus.record import Record
from mint_events.catalogue import InterventionRequired, RecordDeadLettered
from mint_events.envelope import Received
from mint_events.topics import DEADLETTER
from mint_resilience.failures import Transient

from .support import (
    GROUP,
    INPUT,
    OUTPUT,
    PARTITIONS,
    WAITS,
    Bus,
    event,
    eventually,
    number,
    parking_topics,
    running,
)
from .test_crash import worker

IMPATIENT = Limits(
    commit_seconds=0.05,
    retry_base=0.001,
    retry_ceiling=0.002,
    budget_attempts=2,
    budget_seconds=60.0,
)

DEATHS = (
    "consumer.committed:2",
    "consumer.published:3",
    "consumer.handled:5",
    "consumer.published:17",
)


@pytest.mark.requirement("NR-6")
async def test_a_record_whose_retries_are_used_up_waits_in_kafka_and_blocks_only_its_key(
    bus: Bus,
) -> None:
    """Given a key that fails 3 times, 2 attempts at a time, then its records are done in order,
    after those of all other keys, which had nothing to wait for."""
    await parking_topics(bus)
    failures = Counter[str]()
    done: list[tuple[str, int]] = []
    topics: set[str] = set()

    async def handle(received: Received) -> Sequence[Output]:
        key = received.envelope.mint_id
        topics.add(received.topic)
        if key == "bad" and failures[key] < 3:
            failures[key] += 1
            raise Transient("not now")
        done.append((key, number(received)))
        return ()

    bad = [event("bad", n) for n in range(5)]
    await bus.publisher.publish(*bad, *(event(f"k{n}", n) for n in range(30)), topic=INPUT)
    async with running(bus.consumer(handle, limits=IMPATIENT, parking=WAITS)) as consumer:
        await eventually(lambda: len(done) == 35 and consumer.in_flight == 0)
    assert [n for key, n in done if key == "bad"] == [0, 1, 2, 3, 4]
    assert {key for key, _ in done[:30]} == {f"k{n}" for n in range(30)}
    assert topics == {"in"}, "what was parked comes back with the place that it had"
    assert len(await bus.read(parking_topic(GROUP, WAITS[0]))) == 5
    assert sum((await bus.committed()).values()) == 35


@pytest.mark.requirement("NR-6")
async def test_after_its_last_wait_a_record_is_a_dead_letter_with_all_that_it_was(bus: Bus) -> None:
    """Given 3 times 2 attempts (at once, and after each wait), then the letter says 6."""
    await parking_topics(bus)
    bad = bus.publisher.record(event("bad", 0), INPUT)
    headers = (*bad.headers, ("x-raw", b"\xff\x00"))
    (position,) = await bus.publisher.send(
        Record(topic="in", key=bad.key, value=bad.value, headers=headers)
    )
    await bus.publisher.publish(event("bad", 1), topic=INPUT)
    done: list[int] = []

    async def handle(received: Received) -> Sequence[Output]:
        if number(received) == 0:
            raise Transient("never")
        done.append(number(received))
        return ()

    async with running(bus.consumer(handle, limits=IMPATIENT, parking=WAITS)):
        await eventually(lambda: done == [1])
    (received,) = await bus.read_events(DEADLETTER)
    letter = received.envelope.event
    assert isinstance(letter, RecordDeadLettered)
    place = (letter.topic, letter.partition, letter.offset)
    assert place == (position.topic, position.partition, position.offset)
    assert (letter.key, letter.value, letter.headers) == (bad.key, bad.value, dict(headers))
    assert (letter.failure, letter.attempts, letter.detail) == ("transient", 6, "never")


@pytest.mark.requirement("NR-6")
async def test_a_record_without_a_key_is_parked_with_those_of_its_partition(bus: Bus) -> None:
    """It can not be decoded without its key; what counts is that it ends as a dead letter."""
    await parking_topics(bus)
    await bus.publisher.send(Record(topic="in", key=None, value=b"x", partition=2))
    async with running(bus.consumer(_nothing, limits=IMPATIENT, parking=WAITS)):

        async def is_buried() -> bool:
            return len(await bus.read(DEADLETTER)) == 1

        await eventually(is_buried)
    (received,) = await bus.read_events(DEADLETTER)
    letter = received.envelope.event
    assert isinstance(letter, RecordDeadLettered)
    assert (letter.topic, letter.partition, letter.key) == ("in", 2, None)


@pytest.mark.requirement("NR-6")
async def test_a_later_record_waits_for_a_parked_one_after_a_restart_too(bus: Bus) -> None:
    """Given 0 is parked and the process ends, when 1 comes, then another process does 0 first."""
    await parking_topics(bus)
    done: list[int] = []
    away = True

    async def handle(received: Received) -> Sequence[Output]:
        if away:
            raise Transient("not now")
        done.append(number(received))
        return ()

    async def is_parked() -> bool:
        return len(await bus.read(long)) == 1

    waits = (Wait(3.0),)
    long = parking_topic(GROUP, waits[0])
    await ensure_topics(bus.cluster, (long,), partitions=PARTITIONS)
    async with running(bus.consumer(handle, limits=IMPATIENT, parking=waits)) as consumer:
        await bus.publisher.publish(event("key", 0), topic=INPUT)
        await eventually(is_parked)
        await eventually(lambda: consumer.in_flight == 0)
    away = False
    await bus.publisher.publish(event("key", 1), topic=INPUT)
    async with running(bus.consumer(handle, limits=IMPATIENT, parking=waits)):
        await eventually(lambda: len(done) == 2)
    assert done == [0, 1]


@pytest.mark.requirement("NR-6", "DE-4")
async def test_no_kill_9_at_any_boundary_lets_a_record_overtake_a_parked_one(bus: Bus) -> None:
    """Given records of which each fails in up to two processes, and processes that are killed at
    each boundary, when all is done, then what the outputs show of each key is in order: an older
    one comes after a newer one only if the newer one comes again, too."""
    await parking_topics(bus)
    inputs = [event(f"key-{n % 12}", n) for n in range(240)]
    await bus.publisher.publish(*inputs, topic=INPUT)
    for life, failpoint in enumerate(DEATHS):
        async with worker(bus, str(life), failpoint) as process:
            await asyncio.wait_for(process.communicate(), 60)
            assert process.returncode == -SIGKILL, "it died of itself"

    async def all_is_done() -> bool:
        numbers = {n for of_key in (await outputs_by_key(bus)).values() for n in of_key}
        return numbers == set(range(240))

    async with worker(bus, str(len(DEATHS))) as process:
        draining = asyncio.create_task(process.communicate())
        await eventually(all_is_done)
        draining.cancel()
    seen = await outputs_by_key(bus)
    for key, numbers in seen.items():
        for place, one in enumerate(numbers):
            rest = numbers[place + 1 :]
            assert one in rest or all(later > one for later in rest), (key, numbers)
    for wait in WAITS:
        assert await bus.read(parking_topic(GROUP, wait)) != [], "some were parked there"
    assert await bus.read(DEADLETTER) == []


async def outputs_by_key(bus: Bus) -> dict[str, list[int]]:
    """The numbers of the inputs whose outputs there are, in the order of the outputs."""
    seen: dict[str, list[int]] = defaultdict(list)
    for received in await bus.read_events(OUTPUT):
        event = received.envelope.event
        assert isinstance(event, InterventionRequired)
        seen[event.mint_id].append(int(event.reason))
    return seen


async def _nothing(_: Received) -> Sequence[Output]:
    return ()

"""The consuming runtime against a real broker."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

import pytest

from mint_events.bus import Limits, Output, Tombstone, latest_by_key
from mint_events.bus.record import Record
from mint_events.catalogue import RecordDeadLettered
from mint_events.envelope import Received
from mint_events.topics import DEADLETTER, MAX_RECORD_BYTES, Topic
from mint_resilience.failures import Outage, Permanent, RateLimited, Transient

from .support import (
    INPUT,
    OTHER,
    OUTPUT,
    QUICK,
    STATE,
    Bus,
    event,
    eventually,
    number,
    output,
    output_ids,
    running,
)

NOWHERE = Topic(name="nowhere", writer="nobody", events=(), retention=None)


async def dead_letters(bus: Bus) -> list[RecordDeadLettered]:
    events = [received.envelope.event for received in await bus.read_events(DEADLETTER)]
    return [event for event in events if isinstance(event, RecordDeadLettered)]


async def test_every_record_is_handled_in_the_order_of_its_key_with_its_output(bus: Bus) -> None:
    inputs = [event(f"key-{n % 7}", n) for n in range(200)]
    await bus.publisher.publish(*inputs, topic=INPUT)
    seen: dict[str, list[int]] = defaultdict(list)

    async def handle(received: Received) -> Sequence[Output]:
        await asyncio.sleep(0.001 * (number(received) % 3))
        seen[received.envelope.mint_id].append(number(received))
        return output(received)

    async with running(bus.consumer(handle)) as consumer:
        await eventually(lambda: sum(map(len, seen.values())) == 200)
        await eventually(lambda: consumer.in_flight == 0)

    for key, numbers in seen.items():
        assert numbers == [n for n in range(200) if f"key-{n % 7}" == key]
    outputs = await bus.read_events(OUTPUT)
    assert {received.envelope.id for received in outputs} == output_ids(inputs)
    assert len(outputs) == 200
    assert sum((await bus.committed()).values()) == 200, "all is committed at the stop"


@pytest.mark.requirement("NR-6")
async def test_a_key_that_is_slow_or_fails_does_not_hold_up_the_others(bus: Bus) -> None:
    await bus.publisher.publish(event("stuck", 0), event("failing", 0), topic=INPUT)
    await bus.publisher.publish(*(event(f"k{n}", n) for n in range(50)), topic=INPUT)
    handled: set[str] = set()
    others_done = asyncio.Event()

    async def handle(received: Received) -> Sequence[Output]:
        key = received.envelope.mint_id
        if key == "stuck":
            await others_done.wait()
        if key == "failing" and not others_done.is_set():
            raise Outage("the other side is away")
        handled.add(key)
        return ()

    async with running(bus.consumer(handle)):
        await eventually(lambda: len(handled) == 50)
        assert handled.isdisjoint({"stuck", "failing"})
        others_done.set()
        await eventually(lambda: len(handled) == 52)


@pytest.mark.requirement("DE-4")
async def test_the_committed_offset_never_passes_work_that_is_not_done(bus: Bus) -> None:
    """One record hangs; however much is done behind it, a restart begins at it."""
    (hanging,) = await bus.publisher.publish(event("hangs", 0), topic=INPUT)
    await bus.publisher.publish(*(event(f"k{n}", n) for n in range(100)), topic=INPUT)
    handled: set[str] = set()

    async def handle(received: Received) -> Sequence[Output]:
        if received.envelope.mint_id == "hangs":
            await asyncio.Event().wait()
        handled.add(received.envelope.mint_id)
        return ()

    async def all_partitions_are_committed() -> bool:
        return (await bus.committed()).keys() == {0, 1, 2, 3}

    limits = Limits(commit_seconds=0.05, drain_seconds=0.1)
    async with running(bus.consumer(handle, limits=limits)):
        await eventually(lambda: len(handled) == 100)
        await eventually(all_partitions_are_committed)
    committed = await bus.committed()
    assert committed[hanging.partition] == hanging.offset
    rest = sum(offset for n, offset in committed.items() if n != hanging.partition)
    assert rest > 0, "the other partitions are committed"


async def test_outputs_are_acknowledged_before_the_input_counts_as_done(bus: Bus) -> None:
    """While the outputs can not be written, nothing is committed, and nothing is lost."""
    await bus.publisher.publish(event("key", 0), topic=INPUT)
    refused = 0
    committed_meanwhile: list[dict[int, int]] = []
    send = bus.publisher.send

    async def refuse_thrice(*records: Record) -> object:
        nonlocal refused
        if refused < 3:
            refused += 1
            committed_meanwhile.append(await bus.committed())
            raise Transient("not acknowledged")
        return await send(*records)

    handled = 0

    async def handle(received: Received) -> Sequence[Output]:
        nonlocal handled
        handled += 1
        return output(received)

    consumer = bus.consumer(handle)
    bus.publisher.send = refuse_thrice  # type: ignore[method-assign, assignment]  # a faulty broker
    async with running(consumer):
        await eventually(lambda: refused == 3 and consumer.in_flight == 0)
    assert sum(sum(offsets.values()) for offsets in committed_meanwhile) == 0
    assert len(await bus.read(OUTPUT)) == 1
    assert handled == 1, "it is the publishing that is tried again, not the effects"


@pytest.mark.requirement("MF-2", "NR-6")
async def test_what_can_not_be_decoded_is_dead_lettered_with_its_bytes_and_the_rest_goes_on(
    bus: Bus,
) -> None:
    await bus.publisher.send(
        Record(topic="in", key=b"bad", value=b"\x00garbage", headers=(("x", b"\xff"),))
    )
    await bus.publisher.publish(event("bad", 1), event("good", 2), topic=INPUT)
    seen: list[str] = []

    async def handle(received: Received) -> Sequence[Output]:
        seen.append(received.envelope.mint_id)
        return ()

    async with running(bus.consumer(handle)):
        await eventually(lambda: sorted(seen) == ["bad", "good"])
    (letter,) = await dead_letters(bus)
    assert (letter.topic, letter.value, letter.headers) == ("in", b"\x00garbage", {"x": b"\xff"})
    assert (letter.mint_id, letter.service, letter.failure) == ("bad", "worker", "poison")
    assert "not readable" in letter.detail


@pytest.mark.requirement("NR-1")
async def test_a_final_failure_is_dead_lettered_after_one_attempt(bus: Bus) -> None:
    await bus.publisher.publish(event("key", 0), event("key", 1), topic=INPUT)
    seen: list[int] = []

    async def handle(received: Received) -> Sequence[Output]:
        seen.append(number(received))
        if number(received) == 0:
            raise Permanent("no such wallet; correct it and redrive")
        return ()

    async with running(bus.consumer(handle)):
        await eventually(lambda: seen == [0, 1])
    (letter,) = await dead_letters(bus)
    assert (letter.failure, letter.detail) == (
        "permanent",
        "no such wallet; correct it and redrive",
    )


async def test_a_bug_is_tried_a_few_times_then_dead_lettered_and_blocks_only_its_key(
    bus: Bus,
) -> None:
    await bus.publisher.publish(event("key", 0), event("key", 1), topic=INPUT)
    seen: list[int] = []

    async def handle(received: Received) -> Sequence[Output]:
        seen.append(number(received))
        if number(received) == 0:
            raise ZeroDivisionError("a bug")
        return ()

    async with running(bus.consumer(handle)):
        await eventually(lambda: seen[-1:] == [1])
    assert seen == [0] * QUICK.bug_attempts + [1]
    (letter,) = await dead_letters(bus)
    assert (letter.failure, letter.detail) == ("bug", "ZeroDivisionError: a bug")


@pytest.mark.requirement("NR-1")
async def test_a_passing_fault_is_tried_until_it_has_passed(bus: Bus) -> None:
    await bus.publisher.publish(event("key", 0), topic=INPUT)
    faults = [Transient("a"), RateLimited("b", retry_after=0.01), Outage("c")] * 5
    done = asyncio.Event()

    async def handle(received: Received) -> Sequence[Output]:
        if faults:
            raise faults.pop()
        done.set()
        return output(received)

    async with running(bus.consumer(handle)):
        await done.wait()
    assert len(await bus.read(OUTPUT)) == 1
    assert await dead_letters(bus) == []


async def test_a_handler_that_cancels_itself_is_a_bug_and_does_not_stop_its_lane(
    bus: Bus,
) -> None:
    await bus.publisher.publish(event("key", 0), event("key", 1), topic=INPUT)
    done = asyncio.Event()

    async def handle(received: Received) -> Sequence[Output]:
        if number(received) == 0:
            raise asyncio.CancelledError
        done.set()
        return ()

    async with running(bus.consumer(handle)):
        await asyncio.wait_for(done.wait(), 60)
    (letter,) = await dead_letters(bus)
    assert letter.failure == "bug"


@pytest.mark.requirement("NR-5", "CF-3")
async def test_what_is_paused_stays_in_kafka_and_goes_on_where_it_stopped(bus: Bus) -> None:
    seen: list[tuple[str, int]] = []

    async def handle(received: Received) -> Sequence[Output]:
        seen.append((received.topic, number(received)))
        return ()

    async with running(bus.consumer(handle, topics=(INPUT, OTHER))) as consumer:
        await bus.publisher.publish(event("key", 0), topic=INPUT)
        await eventually(lambda: seen == [("in", 0)])
        consumer.pause([INPUT])
        await bus.publisher.publish(event("key", 1), topic=INPUT)
        await bus.publisher.publish(event("key", 2), topic=OTHER)
        await eventually(lambda: len(seen) == 2)
        assert seen[1] == ("other", 2)
        consumer.resume([INPUT])
        await eventually(lambda: len(seen) == 3)
        assert seen[2] == ("in", 1)
        consumer.pause()
        await bus.publisher.publish(event("key", 3), topic=INPUT)
        consumer.resume()
        await eventually(lambda: len(seen) == 4)


@pytest.mark.requirement("NR-5")
async def test_in_flight_is_bounded_and_nothing_is_dropped(bus: Bus) -> None:
    inputs = [event(f"k{n}", n) for n in range(300)]
    await bus.publisher.publish(*inputs, topic=INPUT)
    most = 0

    async def handle(received: Received) -> Sequence[Output]:
        nonlocal most
        most = max(most, consumer.in_flight)
        return output(received)

    async def all_is_committed() -> bool:
        return sum((await bus.committed()).values()) == 300

    limits = Limits(max_in_flight=5, commit_seconds=0.05)
    async with running(bus.consumer(handle, limits=limits)) as consumer:
        await eventually(lambda: most > 0 and consumer.in_flight == 0)
        await eventually(all_is_committed)
    assert most <= 5
    outputs = {received.envelope.id for received in await bus.read_events(OUTPUT)}
    assert outputs == output_ids(inputs)


async def test_a_partition_is_set_up_before_its_first_record_and_until_it_succeeds(
    bus: Bus,
) -> None:
    """The partitions of one topic are set up late; those of the other show that records come."""
    await bus.publisher.publish(*(event(f"k{n}", n) for n in range(40)), topic=INPUT)
    await bus.publisher.publish(*(event(f"k{n}", n) for n in range(40)), topic=OTHER)
    attempts: dict[int, int] = defaultdict(int)
    state_is_there = asyncio.Event()
    revoked: list[tuple[str, int]] = []
    handled: dict[str, int] = defaultdict(int)

    async def on_assigned(topic: str, partition: int) -> None:
        if topic == "other":
            return
        attempts[partition] += 1
        if attempts[partition] < 3:
            raise Outage("the state can not be read")
        await state_is_there.wait()

    async def on_revoked(topic: str, partition: int) -> None:
        revoked.append((topic, partition))

    async def handle(received: Received) -> Sequence[Output]:
        handled[received.topic] += 1
        return ()

    consumer = bus.consumer(
        handle, topics=(INPUT, OTHER), on_assigned=on_assigned, on_revoked=on_revoked
    )
    async with running(consumer, once_ready=False):
        await eventually(lambda: handled["other"] == 40)
        assert handled["in"] == 0
        assert "in/0: " in str(await consumer.readiness())
        state_is_there.set()
        await eventually(lambda: handled["in"] == 40)
        assert await consumer.readiness() is None
    assert sorted(revoked) == [(topic, n) for topic in ("in", "other") for n in range(4)]


async def test_a_state_topic_is_written_deleted_from_and_read_back(bus: Bus) -> None:
    await bus.publisher.publish(event("kept", 1), event("kept", 2), topic=STATE)
    (position,) = await bus.publisher.publish(event("gone", 3), topic=STATE)
    await bus.publisher.publish(event("gone", 0), topic=INPUT)
    done = asyncio.Event()

    async def handle(received: Received) -> Sequence[Output]:
        done.set()
        return [Tombstone(STATE, received.envelope.mint_id)]

    async with running(bus.consumer(handle)) as consumer:
        await eventually(lambda: done.is_set() and consumer.in_flight == 0)
    state: dict[bytes, Received] = {}
    for partition in range(4):
        state |= await latest_by_key(bus.cluster, bus.codec, STATE, partition)
    assert {key: number(received) for key, received in state.items()} == {b"kept": 2}
    assert position.topic == "state"


async def test_a_record_too_large_to_be_a_dead_letter_is_one_without_its_bytes(bus: Bus) -> None:
    """A foreign producer's record may compress to what Kafka takes and still be larger than it."""
    huge = b"\x00" * (MAX_RECORD_BYTES + 1024 * 1024 - 200)
    (position,) = await bus.publisher.send(Record(topic="in", key=b"huge", value=huge))
    done = asyncio.Event()

    async def handle(_: Received) -> Sequence[Output]:
        done.set()
        return ()

    await bus.publisher.publish(event("huge", 1), topic=INPUT)
    async with running(bus.consumer(handle)):
        await asyncio.wait_for(done.wait(), 60)
    (letter,) = await dead_letters(bus)
    assert letter.value == b""
    assert f"see {position}" in letter.detail
    assert f"{len(huge)} bytes" in letter.detail


async def test_readiness_names_a_topic_that_is_not_there(bus: Bus) -> None:
    async def handle(_: Received) -> Sequence[Output]:
        return ()

    stop = asyncio.Event()
    consumer = bus.consumer(
        handle,
        topics=(INPUT, NOWHERE),
    )
    assert await consumer.readiness() == "not connected to Kafka"
    task = asyncio.create_task(consumer.run(stop))

    async def says_so() -> bool:
        expected = "no such topics: nowhere; create them with `trimint topics`"
        return await consumer.readiness() == expected

    await eventually(says_so)
    stop.set()
    await task

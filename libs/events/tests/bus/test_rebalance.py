"""Members come and go under load: nothing is lost, and the order of a key holds."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack

import pytest

from mint_events.bus import Consumer, Limits, Output
from mint_events.envelope import Received

from .support import INPUT, OUTPUT, Bus, event, eventually, number, output, output_ids, running

KEYS = 20
RECORDS = 600


def without_repetition(numbers: Sequence[int]) -> list[int]:
    """The numbers in the order of their first appearance."""
    return list(dict.fromkeys(numbers))


@pytest.mark.requirement("DE-4")
async def test_members_that_join_and_leave_under_load_lose_nothing_and_keep_the_order(
    bus: Bus,
) -> None:
    inputs = [event(f"key-{n % KEYS}", n) for n in range(RECORDS)]
    begun: dict[str, list[int]] = defaultdict(list)
    at_work: dict[str, int] = defaultdict(int)
    by_member: dict[int, int] = defaultdict(int)
    overlaps: list[str] = []

    def member(name: int) -> Consumer:
        async def handle(received: Received) -> Sequence[Output]:
            key = received.envelope.mint_id
            begun[key].append(number(received))
            by_member[name] += 1
            at_work[key] += 1
            if at_work[key] > 1:
                overlaps.append(key)
            try:
                await asyncio.sleep(0.005)
            finally:
                at_work[key] -= 1
            return output(received)

        return bus.consumer(handle, limits=Limits(max_in_flight=20, commit_seconds=0.1))

    async def publish() -> None:
        for envelope in inputs:
            await bus.publisher.publish(envelope, topic=INPUT)

    def handled() -> int:
        return len({n for numbers in begun.values() for n in numbers})

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running(member(1)))
        publishing = asyncio.create_task(publish())
        await eventually(lambda: handled() > RECORDS * 0.1)
        async with running(member(2)):
            await eventually(lambda: by_member[2] > RECORDS * 0.1)
        await eventually(lambda: handled() > RECORDS * 0.6)
        await stack.enter_async_context(running(member(3)))
        await publishing
        await eventually(lambda: handled() == RECORDS)

    for key, numbers in begun.items():
        in_order = [n for n in range(RECORDS) if f"key-{n % KEYS}" == key]
        assert without_repetition(numbers) == in_order
    assert overlaps == [], "no key was worked on by two members at a time"
    outputs = {received.envelope.id for received in await bus.read_events(OUTPUT)}
    assert outputs == output_ids(inputs)
    assert sum((await bus.committed()).values()) == RECORDS


@pytest.mark.requirement("DE-4")
async def test_work_that_outlasts_the_drain_is_cut_off_not_committed_and_done_by_the_next_owner(
    bus: Bus,
) -> None:
    await bus.publisher.publish(event("key", 0), topic=INPUT)
    cut_off: list[str] = []
    taken_over = asyncio.Event()
    limits = Limits(commit_seconds=0.05, drain_seconds=0.2)

    async def hang(received: Received) -> Sequence[Output]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cut_off.append(received.envelope.mint_id)
            raise
        return ()

    async def take_over(received: Received) -> Sequence[Output]:
        taken_over.set()
        return ()

    async with running(bus.consumer(hang, limits=limits)) as first:
        await eventually(lambda: first.in_flight == 1)
    assert cut_off == ["key"]
    assert sum((await bus.committed()).values()) == 0
    async with running(bus.consumer(take_over, limits=limits)):
        await asyncio.wait_for(taken_over.wait(), 60)
    assert sum((await bus.committed()).values()) == 1


@pytest.mark.requirement("DE-4")
async def test_work_that_ends_within_the_drain_is_committed_and_not_done_again(bus: Bus) -> None:
    await bus.publisher.publish(event("key", 0), topic=INPUT)
    leaving = asyncio.Event()
    handled: list[int] = []

    async def handle(received: Received) -> Sequence[Output]:
        await leaving.wait()
        await asyncio.sleep(0.1)
        handled.append(number(received))
        return ()

    async with running(bus.consumer(handle)) as consumer:
        await eventually(lambda: consumer.in_flight == 1)
        leaving.set()
    assert handled == [0]
    assert sum((await bus.committed()).values()) == 1

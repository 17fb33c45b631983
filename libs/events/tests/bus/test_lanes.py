"""Lanes keep the order of each key, work on keys in parallel and hold no more than they may."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mint_events.bus.lanes import Abandoned, Lanes
from mint_events.bus.limits import Limits

from .support import eventually


@dataclass(frozen=True, slots=True)
class Item:
    key: str
    number: int
    turns: int = 0
    size: int = 1


items = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 5)), max_size=40).map(
    lambda drawn: [Item(key, number, turns) for number, (key, turns) in enumerate(drawn)]
)


def within_seconds(scenario: Coroutine[Any, Any, None], seconds: float = 10.0) -> None:
    asyncio.run(asyncio.wait_for(scenario, seconds))


async def take_turns(item: Item) -> None:
    for _ in range(item.turns):
        await asyncio.sleep(0)


@pytest.mark.requirement("NR-5")
@given(items=items, max_in_flight=st.integers(1, 8))
def test_every_item_is_done_once_in_the_order_of_its_key_and_within_the_limit(
    items: list[Item], max_in_flight: int
) -> None:
    async def scenario() -> None:
        done: dict[str, list[int]] = defaultdict(list)
        at_work: set[str] = set()
        most = 0

        async def work(item: Item) -> None:
            nonlocal most
            assert item.key not in at_work, "a key's items do not overlap"
            at_work.add(item.key)
            most = max(most, len(at_work))
            await take_turns(item)
            at_work.remove(item.key)

        limits = Limits(max_in_flight=max_in_flight)
        lanes = Lanes(work, lambda item: done[item.key].append(item.number), limits)
        for item in items:
            await lanes.room()
            lanes.submit(item.key, item)
            assert lanes.in_flight <= max_in_flight
        await lanes.drain(10)
        lanes.raise_if_crashed()
        assert most <= max_in_flight

    within_seconds(scenario())


@given(items=items)
def test_without_a_drain_all_is_done_in_order(items: list[Item]) -> None:
    async def scenario() -> None:
        done: dict[str, list[int]] = defaultdict(list)
        lanes = Lanes(take_turns, lambda item: done[item.key].append(item.number), Limits())
        for item in items:
            lanes.submit(item.key, item)
        await eventually(lambda: lanes.in_flight == 0)
        for key in "abcd":
            assert done[key] == [item.number for item in items if item.key == key]
        assert lanes.bytes_in_flight == 0

    within_seconds(scenario())


def test_a_slow_key_does_not_hold_up_another() -> None:
    async def scenario() -> None:
        finished = asyncio.Event()

        async def work(item: Item) -> None:
            if item.key == "slow":
                await finished.wait()

        lanes = Lanes(work, lambda item: finished.set() if item.key == "quick" else None, Limits())
        lanes.submit("slow", Item("slow", 0))
        lanes.submit("quick", Item("quick", 1))
        await finished.wait()
        await lanes.drain(10)
        lanes.raise_if_crashed()

    within_seconds(scenario())


def test_bytes_in_flight_are_bounded_too() -> None:
    async def scenario() -> None:
        release = asyncio.Event()

        async def work(_: Item) -> None:
            await release.wait()

        lanes = Lanes(work, lambda _: None, Limits(max_in_flight_bytes=100))
        lanes.submit("a", Item("a", 0, size=100))
        assert lanes.free == 0
        waiting = asyncio.create_task(lanes.room())
        await asyncio.sleep(0)
        assert not waiting.done()
        release.set()
        await waiting
        assert lanes.free > 0

    within_seconds(scenario())


@pytest.mark.requirement("DE-4")
def test_a_drain_lets_go_of_what_has_not_begun_and_finishes_what_has() -> None:
    async def scenario() -> None:
        begun, done = asyncio.Event(), list[int]()

        async def work(item: Item) -> None:
            begun.set()
            await asyncio.sleep(0)

        lanes = Lanes(work, lambda item: done.append(item.number), Limits())
        lanes.submit("a", Item("a", 0))
        lanes.submit("a", Item("a", 1))
        await begun.wait()
        await lanes.drain(10)
        assert done == [0]
        assert (lanes.in_flight, lanes.bytes_in_flight) == (0, 0)

    within_seconds(scenario())


@pytest.mark.requirement("DE-4")
def test_work_that_outlasts_the_drain_is_cancelled_and_not_done() -> None:
    async def scenario() -> None:
        done, cancelled = list[int](), asyncio.Event()

        async def work(_: Item) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        lanes = Lanes(work, lambda item: done.append(item.number), Limits())
        lanes.submit("a", Item("a", 0))
        await asyncio.sleep(0)
        await lanes.drain(0.01)
        assert cancelled.is_set()
        assert (done, lanes.in_flight) == ([], 0)

    within_seconds(scenario())


def test_work_that_waits_for_its_next_attempt_is_abandoned_at_once() -> None:
    async def scenario() -> None:
        done = list[int]()
        pausing = asyncio.Event()

        async def work(_: Item) -> None:
            pausing.set()
            with pytest.raises(Abandoned):
                await lanes.pause(3600)
            raise Abandoned

        lanes = Lanes(work, lambda item: done.append(item.number), Limits())
        lanes.submit("a", Item("a", 0))
        await pausing.wait()
        await lanes.drain(3600)
        assert (done, lanes.in_flight) == ([], 0)

    within_seconds(scenario())


def test_lanes_can_be_used_again_after_a_drain() -> None:
    async def scenario() -> None:
        done = list[int]()
        lanes = Lanes(take_turns, lambda item: done.append(item.number), Limits())
        await lanes.drain(10)
        lanes.submit("a", Item("a", 0))
        lanes.submit("a", Item("a", 1))
        await eventually(lambda: lanes.in_flight == 0)
        assert done == [0, 1]

    within_seconds(scenario())


def test_what_work_should_not_have_raised_is_not_lost() -> None:
    async def scenario() -> None:
        async def work(_: Item) -> None:
            raise KeyError("a bug of the runtime")

        lanes = Lanes(work, lambda _: None, Limits(max_in_flight=1))
        lanes.submit("a", Item("a", 0))
        await lanes.drain(10)
        with pytest.raises(KeyError, match="a bug of the runtime"):
            lanes.raise_if_crashed()

    within_seconds(scenario())

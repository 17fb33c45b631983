from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from chain_minter.batching import Batch, Shared
from mint_resilience.failures import Transient


class Doubling:
    """Doubles numbers, and remembers who asked for what together."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.calls.append([*numbers])
        if 13 in numbers:
            raise Transient("unlucky")
        return [2 * number for number in numbers]


async def test_what_is_asked_together_is_fetched_together_and_in_bounds() -> None:
    fetch = Doubling()
    batch = Batch(fetch, size=4)

    assert await asyncio.gather(*map(batch.get, range(10))) == [*range(0, 20, 2)]
    assert fetch.calls == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


async def test_the_same_key_is_fetched_once_for_all() -> None:
    fetch = Doubling()
    batch = Batch(fetch, size=4)

    assert {*await asyncio.gather(batch.get(1), batch.get(1))} == {2}
    assert fetch.calls == [[1]]


async def test_a_later_question_is_asked_anew() -> None:
    fetch = Doubling()
    batch = Batch(fetch, size=4)

    await batch.get(1)
    await batch.get(1)

    assert fetch.calls == [[1], [1]]


async def test_a_failure_is_everybodys_in_its_call_and_nobody_elses() -> None:
    batch = Batch(Doubling(), size=2)

    results = await asyncio.gather(*map(batch.get, [12, 13, 14]), return_exceptions=True)

    assert [type(each) for each in results] == [Transient, Transient, int]


async def test_one_who_gives_up_waiting_takes_nothing_from_the_others() -> None:
    batch = Batch(Doubling(), size=4)
    impatient, patient = (asyncio.create_task(batch.get(1)) for _ in range(2))
    await asyncio.sleep(0)

    impatient.cancel()

    assert await patient == 2


class Counting:
    """Counts up, and fails when told to."""

    def __init__(self) -> None:
        self.count = 0
        self.fails = False

    async def __call__(self) -> int:
        self.count += 1
        if self.fails:
            raise Transient("not now")
        return self.count


async def test_a_fresh_value_is_shared() -> None:
    shared = Shared(Counting(), seconds=60)

    assert await asyncio.gather(*(shared.get() for _ in range(5))) == [1] * 5


async def test_an_old_value_is_fetched_again() -> None:
    shared = Shared(Counting(), seconds=0)

    assert [await shared.get() for _ in range(3)] == [1, 2, 3]


async def test_a_failure_is_shared_but_not_kept() -> None:
    fetch = Counting()
    shared = Shared(fetch, seconds=60)
    fetch.fails = True
    results = await asyncio.gather(*(shared.get() for _ in range(3)), return_exceptions=True)
    assert [str(each) for each in results] == ["not now"] * 3

    fetch.fails = False

    assert await shared.get() == 2


async def test_a_fetch_survives_the_one_who_began_it() -> None:
    shared = Shared(Counting(), seconds=60)
    first = asyncio.create_task(shared.get())
    await asyncio.sleep(0)

    first.cancel()

    assert await shared.get() == 1
    with pytest.raises(asyncio.CancelledError):
        await first

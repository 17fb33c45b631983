"""Contents gather for a while, and each who waits hears of his own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from ipfs_uploader.assets import Content
from ipfs_uploader.batches import Batches, BatchLimits, Kept, Outcomes
from mint_content.unixfs import cid_of
from mint_resilience.budget import Budget, current_budget, spending
from mint_resilience.failures import Failure, Permanent, Transient

FOR_EVER = 3600.0
KEPT = Kept(("pinata",))


def content(data: bytes) -> Content:
    return Content("m.json", "application/json", data, cid_of(data))


class Keeper:
    """Notes the batches; keeps all but what is refused. With a `gate`, it waits there first."""

    def __init__(self, *refused: bytes, gate: asyncio.Event | None = None) -> None:
        self.batches: list[list[bytes]] = []
        self.budgets: list[Budget | None] = []
        self.begun = asyncio.Event()
        self._refused = refused
        self._gate = gate

    async def __call__(self, contents: Sequence[Content]) -> Outcomes:
        self.batches.append([each.data for each in contents])
        self.budgets.append(current_budget())
        self.begun.set()
        if self._gate:
            await self._gate.wait()
        return {each.cid: self._outcome(each) for each in contents}

    def _outcome(self, each: Content) -> Kept | Failure:
        return Permanent("no") if each.data in self._refused else KEPT


def batches(keeper: Keeper, *, items: int = 100, size: int = 1000, seconds: float = 0) -> Batches:
    return Batches(keeper, BatchLimits(items=items, size=size, seconds=seconds))


async def test_a_full_batch_waits_for_nothing() -> None:
    keeper = Keeper()
    async with batches(keeper, items=3, seconds=FOR_EVER) as gathering:
        await asyncio.gather(*(gathering.keep(content(data)) for data in (b"a", b"b", b"c")))

    assert keeper.batches == [[b"a", b"b", b"c"]]


async def test_what_nobody_joins_goes_when_its_time_is_over() -> None:
    keeper = Keeper()
    async with batches(keeper) as gathering:
        assert await gathering.keep(content(b"a")) == KEPT

    assert keeper.batches == [[b"a"]]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"items": 2}, [[b"1", b"22"], [b"333", b"4444"]]),
        ({"size": 6}, [[b"1", b"22", b"333"], [b"4444"]]),
        ({"size": 2}, [[b"1"], [b"22"], [b"333"], [b"4444"]]),
    ],
)
async def test_what_does_not_fit_in_goes_next(
    limits: dict[str, int], expected: list[list[bytes]]
) -> None:
    keeper = Keeper()
    async with batches(keeper, **limits) as gathering:
        given = (b"1", b"22", b"333", b"4444")
        await asyncio.gather(*(gathering.keep(content(data)) for data in given))

    assert keeper.batches == expected


async def test_while_one_batch_is_in_work_the_next_one_gathers() -> None:
    gate = asyncio.Event()
    keeper = Keeper(gate=gate)
    async with batches(keeper) as gathering:
        first = asyncio.create_task(gathering.keep(content(b"first")))
        await keeper.begun.wait()
        others = [asyncio.create_task(gathering.keep(content(data))) for data in (b"a", b"b")]
        for _ in others:
            await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(first, *others)

    assert keeper.batches == [[b"first"], [b"a", b"b"]]


async def test_the_same_content_is_kept_once_for_all_who_want_it() -> None:
    keeper = Keeper()
    async with batches(keeper) as gathering:
        both = await asyncio.gather(*(gathering.keep(content(b"a")) for _ in range(2)))

    assert (both, keeper.batches) == ([KEPT, KEPT], [[b"a"]])


async def test_a_failure_is_told_to_him_whose_content_it_is() -> None:
    async with batches(Keeper(b"bad")) as gathering:
        good, bad = await asyncio.gather(
            gathering.keep(content(b"good")),
            gathering.keep(content(b"bad")),
            return_exceptions=True,
        )

    assert good == KEPT
    assert isinstance(bad, Permanent)


async def test_who_goes_away_takes_nothing_from_the_others() -> None:
    keeper = Keeper(gate=(gate := asyncio.Event()))
    async with batches(keeper) as gathering:
        leaves = asyncio.create_task(gathering.keep(content(b"a")))
        stays = asyncio.create_task(gathering.keep(content(b"b")))
        await keeper.begun.wait()
        leaves.cancel()
        await asyncio.wait({leaves})
        gate.set()

        assert await stays == KEPT


async def test_a_batch_that_fails_as_a_whole_fails_all_in_it_and_not_the_next() -> None:
    failing = [Transient("Kafka is away")]

    async def keep_all(contents: Sequence[Content]) -> Outcomes:
        if failing:
            raise failing.pop()
        return {each.cid: KEPT for each in contents}

    async with Batches(keep_all, BatchLimits(items=2, size=100, seconds=0)) as gathering:
        two = (gathering.keep(content(data)) for data in (b"a", b"b"))
        assert all(
            isinstance(e, Transient) for e in await asyncio.gather(*two, return_exceptions=True)
        )
        assert await gathering.keep(content(b"a")) == KEPT


async def test_a_content_of_which_nothing_is_told_is_a_fault_and_holds_nobody_up() -> None:
    async def forgetful(_: Sequence[Content]) -> Outcomes:
        return {}

    async with Batches(forgetful, BatchLimits(items=2, size=100, seconds=0)) as gathering:
        for data in (b"a", b"b"):
            with pytest.raises(RuntimeError, match=str(cid_of(data))):
                await gathering.keep(content(data))


async def test_at_the_end_nobody_waits_any_longer() -> None:
    keeper = Keeper(gate=asyncio.Event())
    async with batches(keeper) as gathering:
        in_work = asyncio.create_task(gathering.keep(content(b"a")))
        await keeper.begun.wait()
        gathers = asyncio.create_task(gathering.keep(content(b"b")))
        await asyncio.sleep(0)

    await asyncio.wait({in_work, gathers})
    assert in_work.cancelled()
    assert gathers.cancelled()


async def test_a_batch_spends_nobodys_budget() -> None:
    keeper = Keeper()
    with spending(Budget(attempts=1, seconds=1.0, clock=lambda: 0.0)):
        async with batches(keeper) as gathering:
            await gathering.keep(content(b"a"))

    assert keeper.budgets == [None]

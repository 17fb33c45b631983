"""A replay of the event store gives the rows that are there (RE-2)."""

from __future__ import annotations

import random

import pytest

from mint_events import catalogue as c
from mint_events.catalogue import Event
from reconciler.replay import differences

from . import given as g
from .conftest import Bench, whole_mint

FAILED = c.CheckOutcome.FAILED


def checks(mint_id: str) -> list[Event]:
    return [
        c.CheckCompleted(
            mint_id=mint_id,
            phase=phase,
            check=f"{layer}-agrees",
            layer=layer,
            outcome=outcome,
            endpoint="http://x",
            latency_ms=1.0,
            attempts=1,
            evidence={},
        )
        for phase, outcome in ((1, c.CheckOutcome.PASSED), (2, c.CheckOutcome.INCONCLUSIVE))
        for layer in ("solana", "ipfs", "database")
    ]


def history() -> list[Event]:
    """Mints that were completed, are in work, failed, were rejected, or wait for a person."""
    return [
        *whole_mint("mint-1"),
        *checks("mint-1"),
        g.request("mint-2"),
        g.pinned("mint-2"),
        g.request("mint-3"),
        g.request("mint-4", user_id="user-2"),
        g.pin_failed("mint-4", g.asset("bafyelse")),
        g.request("mint-5", level=1000),
        g.request("mint-6", user_id="user-3"),
        g.pinned("mint-6"),
        g.parked(c.ChainOutcome.UNKNOWN, "mint-6"),
        *whole_mint("mint-7"),
        *checks("mint-7"),
        g.phase(1, FAILED, "mint-7"),
        g.uri_updated("mint-1"),
        g.uri_failed("mint-1", "ipfs://another"),
        g.request("mint-8", user_id="user-4"),
        g.uri_failed("mint-8"),
    ]


async def found(bench: Bench, mint_id: str | None = None) -> list[str]:
    async with bench.pool.acquire() as connection:
        return [str(d) for d in await differences(connection, bench.codec, mint_id)]


@pytest.mark.requirement("RE-2")
@pytest.mark.parametrize("size", [1, 4, 100])
async def test_live_and_replay_give_the_same_rows(bench: Bench, size: int) -> None:
    events = history()
    for start in range(0, len(events), size):
        await bench.happens(*events[start : start + size])
    assert await found(bench) == []
    assert await bench.rows("SELECT count(*) FROM mint_record") == [{"count": 8}]


@pytest.mark.requirement("RE-2")
@pytest.mark.parametrize("seed", range(5))
async def test_live_and_replay_agree_whatever_comes_first(bench: Bench, seed: int) -> None:
    events = history()
    random.Random(seed).shuffle(events)
    for start in range(0, len(events), 3):
        await bench.happens(*events[start : start + 3])
    assert await found(bench) == []


@pytest.mark.requirement("RE-2")
@pytest.mark.parametrize(
    ("change", "table"),
    [
        ("UPDATE mint_record SET level = 9 WHERE mint_id = 'mint-1'", "mint_record mint-1"),
        ("DELETE FROM consistency WHERE layer = 'ipfs'", "consistency mint-1/ipfs"),
        ("UPDATE user_record SET nft_count = 7", "user_record user-1"),
        ("UPDATE mint_document SET metadata_json = ''", "mint_document mint-1"),
    ],
)
async def test_a_row_that_was_changed_by_hand_is_found(
    bench: Bench, change: str, table: str
) -> None:
    await bench.happens(*whole_mint())
    await bench.pool.execute(change)
    (difference,) = await found(bench)
    assert table in difference


@pytest.mark.requirement("RE-2")
async def test_one_mint_can_be_compared_alone(bench: Bench) -> None:
    await bench.happens(*whole_mint("mint-1"), *whole_mint("mint-2"))
    await bench.pool.execute("UPDATE mint_record SET slot = 1 WHERE mint_id = 'mint-2'")
    assert await found(bench, "mint-1") == []
    assert len(await found(bench, "mint-2")) == 1

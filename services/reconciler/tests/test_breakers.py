"""Changes of breakers are part of the audit trail, and of no mint."""

from __future__ import annotations

import pytest

from mint_events import catalogue as c
from mint_events.bus import Record
from mint_events.catalogue import BreakerState
from mint_events.envelope import Received
from mint_events.topics import BREAKERS

from . import given as g
from .conftest import Bench
from .running import World
from .test_process import assert_sound

ENDPOINT = "endpoint/solana/primary"
TOLD = (
    "SELECT type, decoded->>'after' AS after, decoded->>'instance' AS instance FROM event_store"
    f" WHERE mint_id = '{ENDPOINT}' ORDER BY sequence"
)


def changed(after: BreakerState, instance: str = "one") -> c.BreakerChanged:
    return c.BreakerChanged(
        dependency="solana",
        endpoint="primary",
        service="chain-minter",
        instance=instance,
        before=BreakerState.CLOSED,
        after=after,
        reason="5 of 10 calls failed within 60 s: primary: HTTP 503",
        failure="transient",
    )


OPENED, PROBED = changed(BreakerState.OPEN), changed(BreakerState.HALF_OPEN)
OPENED_ELSEWHERE = changed(BreakerState.OPEN, "two")


@pytest.mark.requirement("NR-2", "RE-1")
async def test_they_are_in_the_event_store_once_in_order_and_change_no_mint(
    world: World,
) -> None:
    async with world.reconciler():
        await world.happens(OPENED, g.request(), OPENED_ELSEWHERE, OPENED, PROBED)
        await world.ledger.until(lambda: world.ledger.of("mint-1") == ["MintAccepted"])
        await world.until("SELECT count(*) FROM event_store WHERE type = 'BreakerChanged'", 3)
        await world.until(
            "SELECT sum(expected)::int FROM next_offset WHERE topic = 'mint.breakers'", 4
        )
    rows = [tuple(row) for row in await world.pool.fetch(TOLD)]
    assert rows == [
        ("BreakerChanged", "open", "one"),
        ("BreakerChanged", "open", "two"),
        ("BreakerChanged", "half_open", "one"),
    ]
    assert await world.pool.fetchval("SELECT count(*) FROM mint_state") == 1
    await assert_sound(world)


@pytest.mark.requirement("MF-2", "RE-1")
async def test_one_that_can_not_be_read_is_a_dead_letter_and_the_next_one_is_stored(
    world: World,
) -> None:
    garbage = Record(topic=BREAKERS.name, key=ENDPOINT.encode(), value=b"\xc3\x01 nonsense")
    async with world.reconciler():
        await world.publisher.send(garbage)
        await world.happens(OPENED)
        await world.until(f"SELECT count(*) FROM event_store WHERE mint_id = '{ENDPOINT}'", 2)
    (letter,) = [each.envelope.event for each in world.ledger.received if is_dead_letter(each)]
    assert isinstance(letter, c.RecordDeadLettered)
    assert (letter.topic, letter.value) == (BREAKERS.name, garbage.value)
    assert await world.pool.fetchval("SELECT count(*) FROM mint_state") == 0
    await assert_sound(world)


def is_dead_letter(received: Received) -> bool:
    return isinstance(received.envelope.event, c.RecordDeadLettered)


@pytest.mark.requirement("RE-1")
async def test_one_that_was_passed_over_is_read_from_kafka_again(bench: Bench) -> None:
    records = bench.log.send(*(g.sent(event) for event in (OPENED, OPENED_ELSEWHERE, PROBED)))
    await bench.reconciler.process(records[:1])
    await bench.reconciler.process(records[2:])
    assert [row["after"] for row in await bench.rows(TOLD)] == ["open", "open", "half_open"]


@pytest.mark.requirement("RE-2")
async def test_a_mint_that_is_called_like_an_endpoint_is_a_mint_like_any_other(
    bench: Bench,
) -> None:
    await bench.happens(OPENED, g.request(ENDPOINT), PROBED)
    assert await bench.kinds(ENDPOINT) == ["MintAccepted"]

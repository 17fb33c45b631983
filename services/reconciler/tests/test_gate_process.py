"""The gate of the process, on real Kafka and PostgreSQL: who waits, who goes on, in which order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from mint_events import catalogue as c
from mint_events.catalogue import Layer
from mint_events.codec import Codec
from mint_sandbox.kafka import KafkaCluster
from mint_sandbox.postgres import PostgresServer

from . import given as g
from .conftest import whole_mint
from .running import Scraped, World, around
from .test_process import COMPLETED, assert_sound

MANY = 200
"""More than faust holds between its reading and a batch."""


async def ask_one_by_one(world: World, mint_ids: Sequence[str]) -> None:
    """Each a user's of its own, and each after the one before it, so that their order is known."""
    for mint_id in mint_ids:
        await world.happens(g.request(mint_id, user_id=f"user-{mint_id}"))


async def in_order_of_arrival(world: World) -> list[str]:
    rows = await world.pool.fetch("SELECT mint_id FROM mint_record ORDER BY arrival")
    return [row["mint_id"] for row in rows]


@pytest.mark.requirement("MF-3", "NR-5")
async def test_while_a_layer_is_down_requests_wait_in_order_and_everything_else_goes_on(
    world: World,
) -> None:
    waiting = [f"waits-{number}" for number in range(MANY)]
    request, *rest = whole_mint()
    async with world.reconciler() as process:
        scraped = Scraped(await world.until_ready(process))
        await world.happens(request)
        await world.ledger.until(lambda: world.ledger.of("mint-1") == ["MintAccepted"])

        await world.layer(Layer.IPFS, "no provider is there")
        await scraped.until('trimint_gate_open{layer="ipfs"}', 0)
        await ask_one_by_one(world, waiting)
        for event in rest:
            await world.happens(event)
        await world.ledger.until(lambda: world.ledger.of("mint-1") == COMPLETED)
        await scraped.until("trimint_requests_waiting", MANY)
        assert await scraped.value("trimint_oldest_request_waiting_seconds") > 0
        assert await scraped.value('trimint_gate_closed{layer="ipfs",reason="down"}') == 1
        assert set(world.ledger.by_mint()) == {"mint-1"}

        await world.layer(Layer.IPFS)
        await world.ledger.until(lambda: len(world.ledger.by_mint()) == MANY + 1)
        await scraped.until("trimint_requests_waiting", 0)
    assert await in_order_of_arrival(world) == ["mint-1", *waiting]
    await assert_sound(world)


@pytest.mark.requirement("MF-3")
async def test_a_process_that_starts_while_nothing_is_known_of_a_layer_waits_for_word_of_it(
    world: World,
) -> None:
    waiting = [f"waits-{number}" for number in range(5)]
    await world.layer(Layer.SOLANA, seconds=0)
    async with world.reconciler() as process:
        scraped = Scraped(await world.until_ready(process))
        await ask_one_by_one(world, waiting[:3])
        await scraped.until("trimint_requests_waiting", 3)
        assert await scraped.value('trimint_gate_closed{layer="solana",reason="unknown"}') == 1
        await process.kill()
    async with world.reconciler() as process:
        scraped = Scraped(await world.until_ready(process))
        await ask_one_by_one(world, waiting[3:])
        await scraped.until("trimint_requests_waiting", 5)
        assert world.ledger.by_mint() == {}
        await world.layer(Layer.SOLANA)
        await world.ledger.until(lambda: len(world.ledger.by_mint()) == len(waiting))
    assert await in_order_of_arrival(world) == waiting
    await assert_sound(world)


@pytest.mark.requirement("MF-3", "CF-3")
async def test_maintenance_keeps_new_mints_until_it_is_ended_and_both_are_in_the_audit_trail(
    world: World,
) -> None:
    async with world.reconciler() as process:
        scraped = Scraped(await world.until_ready(process))
        await world.says(c.MaintenanceBegun(layer=Layer.DATABASE, by="ann", reason="upgrade"))
        await scraped.until('trimint_gate_closed{layer="database",reason="maintenance"}', 1)
        await world.happens(g.request())
        await scraped.until("trimint_requests_waiting", 1)
        assert world.ledger.by_mint() == {}
        await world.says(c.MaintenanceEnded(layer=Layer.DATABASE, by="bob", reason="done"))
        await world.ledger.until(lambda: world.ledger.of("mint-1") == ["MintAccepted"])
        await world.until("SELECT count(*) FROM event_store WHERE type LIKE 'Maintenance%'", 2)
    rows = await world.pool.fetch(
        "SELECT type, decoded->>'by' AS by FROM event_store WHERE mint_id = 'layer/database'"
        " ORDER BY position"
    )
    assert [(row["type"], row["by"]) for row in rows] == [
        ("MaintenanceBegun", "ann"),
        ("MaintenanceEnded", "bob"),
    ]
    await assert_sound(world)


@pytest.mark.requirement("MF-3", "RE-9")
async def test_while_the_database_is_away_the_gate_is_closed_and_opens_by_itself(
    kafka: KafkaCluster, codec: Codec, topic_prefix: str, tmp_path: Path
) -> None:
    async with (
        PostgresServer() as server,
        around(kafka, await server.create_database(), topic_prefix, codec, tmp_path) as world,
        world.reconciler() as process,
    ):
        scraped = Scraped(await world.until_ready(process))
        await scraped.until('trimint_gate_open{layer="database"}', 1)
        await server.kill()
        await scraped.until('trimint_gate_open{layer="database"}', 0)
        await world.happens(g.request())
        await scraped.until("trimint_requests_waiting", 1)
        await server.start()
        await world.ledger.until(lambda: world.ledger.of("mint-1") == ["MintAccepted"])
        await assert_sound(world)


@pytest.mark.requirement("MF-3", "DE-4")
async def test_two_instances_take_what_waited_once(world: World) -> None:
    waiting = [f"waits-{number}" for number in range(100)]
    await world.layer(Layer.IPFS, "full")
    async with world.reconciler("one") as one, world.reconciler("two") as two:
        await world.until_ready(one)
        await world.until_ready(two)
        await ask_one_by_one(world, waiting)
        await world.layer(Layer.IPFS)
        await world.ledger.until(
            lambda: world.ledger.by_mint() == {m: ["MintAccepted"] for m in waiting}
        )
    assert await in_order_of_arrival(world) == waiting
    await assert_sound(world)

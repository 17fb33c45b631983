"""The reconciler as a process, on real Kafka and PostgreSQL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import aiohttp
import pytest

from mint_events import catalogue as c
from mint_events.bus import Record
from mint_events.codec import Codec
from mint_events.store import audit
from mint_events.topics import IPFS, REQUESTS
from mint_resilience.breaker import State
from mint_resilience.postgres import endpoint_of
from mint_runtime.dependencies import STATE_NUMBERS
from mint_sandbox.kafka import KafkaCluster
from mint_sandbox.postgres import PostgresServer
from mint_sandbox.process import ChildProcess
from reconciler.replay import differences
from reconciler.stream import MOST_RECORDS

from . import given as g
from .conftest import whole_mint
from .running import PATIENCE, Scraped, World, around

COMPLETED = ["MintAccepted", "MintPrepared", "MintCompleted"]
IPFS_GROUP = f'{{group="reconciler.{IPFS.name}"}}'
LAG = ("trimint_consumer_lag_records", f'topic="{IPFS.name}"')
CLOSED, OPEN = STATE_NUMBERS[State.CLOSED], STATE_NUMBERS[State.OPEN]


def line_of(stages: Iterable[c.Event], mint_id: str, user_id: str) -> list[c.Event]:
    request, *rest = stages
    assert isinstance(request, c.MintRequested)
    return [g.request(mint_id, user_id=user_id), *rest]


async def assert_sound(world: World) -> None:
    """The store's chain is whole, and the projection is what a replay gives."""
    async with world.pool.acquire() as connection:
        assert await audit(connection) == []
        assert await differences(connection, world.codec) == []


@pytest.mark.requirement("MF-7", "RE-10")
async def test_a_mint_goes_from_request_to_completion_through_kafka(world: World) -> None:
    async with world.reconciler():
        for event in whole_mint():
            await world.happens(event)
        await world.ledger.until(lambda: world.ledger.of("mint-1") == COMPLETED)
    await world.until("SELECT count(*) FROM event_store WHERE partition IS NULL", 0)
    places = await world.pool.fetch(
        "SELECT event_id, partition, record_offset FROM event_store WHERE NOT received"
    )
    published = {e.envelope.id: (e.partition, e.offset) for e in world.ledger.received}
    assert {r["event_id"]: (r["partition"], r["record_offset"]) for r in places} == published
    await assert_sound(world)


@pytest.mark.requirement("MF-2")
async def test_an_invalid_request_is_rejected_and_garbage_is_a_dead_letter(world: World) -> None:
    garbage = Record(topic=REQUESTS.name, key=b"mint-1", value=b"\xc3\x01 nonsense")
    async with world.reconciler():
        await world.publisher.send(garbage)
        await world.happens(g.request("mint-1", symbol="x" * 11))
        await world.ledger.until(lambda: len(world.ledger.of("mint-1")) == 2)
    by_type = {type(e.envelope.event): e.envelope.event for e in world.ledger.received}
    rejected, letter = by_type[c.MintRejected], by_type[c.RecordDeadLettered]
    assert isinstance(rejected, c.MintRejected)
    assert rejected.field == "symbol"
    assert isinstance(letter, c.RecordDeadLettered)
    assert letter.value == garbage.value
    assert (letter.topic, letter.service) == ("mint.requests", "reconciler")


@pytest.mark.requirement("MF-1")
async def test_the_same_request_is_reported_and_another_under_its_id_is_rejected(
    world: World,
) -> None:
    async with world.reconciler():
        await world.publisher.publish(
            g.sent(g.request()), g.sent(g.request(), salt="again"), g.sent(g.request(level=4))
        )
        await world.ledger.until(lambda: len(world.ledger.of("mint-1")) == 3)
        await world.happens(g.pinned())
        await world.ledger.until(lambda: "MintPrepared" in world.ledger.of("mint-1"))
    assert world.ledger.of("mint-1") == [
        "MintAccepted",
        "MintStateReported",
        "MintRejected",
        "MintPrepared",
    ]


@pytest.mark.requirement("MF-5")
async def test_the_users_second_mint_waits_until_the_first_is_verified(world: World) -> None:
    async with world.reconciler():
        await world.happens(g.request("mint-1"))
        await world.ledger.until(lambda: "MintAccepted" in world.ledger.of("mint-1"))
        await world.happens(g.request("mint-2"), g.pinned("mint-2"), g.pinned("mint-1"))
        await world.ledger.until(lambda: "MintPrepared" in world.ledger.of("mint-1"))
        await world.until("SELECT status FROM mint_record WHERE mint_id = 'mint-2'", "pinned")
        await world.happens(g.confirmed("mint-1"), g.phase(1, mint_id="mint-1"))
        await world.ledger.until(lambda: "MintPrepared" in world.ledger.of("mint-2"))
    (lock,) = await world.pool.fetch("SELECT mint_id FROM user_lock")
    assert lock["mint_id"] == "mint-2"


@pytest.mark.requirement("RE-9", "RE-10")
async def test_a_process_that_is_killed_again_and_again_loses_and_doubles_nothing(
    world: World,
) -> None:
    mints = [f"mint-{n}" for n in range(60)]
    stages = list(zip(*(line_of(whole_mint(m), m, f"user-{m}") for m in mints), strict=True))
    for stage in stages[:3]:
        async with world.reconciler() as process:
            await world.happens(*stage)
            await world.until(_stored_at_least(stage[:20]), True)
            await process.kill()
    async with world.reconciler():
        await world.happens(*(event for stage in stages[3:] for event in stage))
        await world.ledger.until(
            lambda: all(sorted(world.ledger.of(m)) == sorted(COMPLETED) for m in mints)
        )
        await world.until("SELECT count(*) FROM event_store WHERE partition IS NULL", 0)
    events = len(mints) * (len(whole_mint()) + len(COMPLETED))
    assert await world.pool.fetchval("SELECT count(*) FROM event_store") == events
    await assert_sound(world)


def _stored_at_least(events: Iterable[c.Event]) -> str:
    kind = type(next(iter(events))).__name__
    return f"SELECT count(*) > 5 FROM event_store WHERE type = '{kind}'"


@pytest.mark.requirement("RE-1")
async def test_a_group_that_reads_from_the_beginning_again_changes_nothing(
    world: World,
) -> None:
    async with world.reconciler():
        for event in whole_mint():
            await world.happens(event)
        await world.ledger.until(lambda: world.ledger.of("mint-1") == COMPLETED)
        await world.until("SELECT count(*) FROM event_store WHERE partition IS NULL", 0)
    await world.move_group(to_the_ends=False)
    before = await world.pool.fetch("SELECT * FROM event_store ORDER BY position")
    async with world.reconciler():
        await world.happens(g.request("mint-2", user_id="user-2"))
        await world.ledger.until(lambda: "MintAccepted" in world.ledger.of("mint-2"))
    after = await world.pool.fetch(
        "SELECT * FROM event_store WHERE mint_id = 'mint-1' ORDER BY position"
    )
    assert after == before


@pytest.mark.requirement("RE-1")
async def test_records_that_the_group_has_passed_over_are_found_without_new_ones(
    world: World,
) -> None:
    async with world.reconciler() as process:
        await world.until_ready(process)
    await world.happens(g.request())
    await world.move_group(to_the_ends=True)
    world.settings["TRIMINT_PATROL_SECONDS"] = "0.5"
    async with world.reconciler():
        await world.ledger.until(lambda: world.ledger.of("mint-1") == ["MintAccepted"])


async def test_it_says_when_it_is_ready_and_shows_metrics(world: World) -> None:
    async with world.reconciler() as process, aiohttp.ClientSession() as http:
        address = await world.until_ready(process)
        async with http.get(f"{address}/livez") as answer:
            assert answer.status == 200
        async with http.get(f"{address}/metrics") as answer:
            assert "trimint_reconciler_batch_seconds" in await answer.text()


async def test_it_stops_cleanly_when_told_to(world: World) -> None:
    async with world.reconciler() as process:
        await world.until_ready(process)
        await process.stop(patience=20)
    assert '"event": "stopped"' in process.log_tail()
    assert _errors(process) == []


def _errors(process: ChildProcess) -> list[str]:
    lines = process.log_tail(100_000).splitlines()
    return [line for line in lines if '"level": "error"' in line or "Traceback" in line]


@pytest.mark.requirement("DE-4", "RE-1")
async def test_a_second_instance_that_comes_and_goes_loses_and_doubles_nothing(
    world: World,
) -> None:
    mints = [f"mint-{n}" for n in range(40)]
    first, second, third, *rest = zip(
        *(line_of(whole_mint(m), m, f"user-{m}") for m in mints), strict=True
    )
    async with world.reconciler("one") as one:
        await world.until_ready(one)
        await world.happens(*first)
        async with world.reconciler("two") as two:
            await world.happens(*second)
            await world.until_ready(two)
            await world.happens(*third)
        await world.happens(*(event for stage in rest for event in stage))
        await world.ledger.until(
            lambda: all(sorted(world.ledger.of(m)) == sorted(COMPLETED) for m in mints)
        )
        await world.until("SELECT count(*) FROM event_store WHERE partition IS NULL", 0)
    await assert_sound(world)


@pytest.mark.requirement("RE-9", "NR-2", "NR-5")
async def test_while_the_database_is_away_kafka_keeps_what_waits(
    kafka: KafkaCluster, codec: Codec, topic_prefix: str, tmp_path: Path
) -> None:
    async with (
        PostgresServer() as server,
        around(kafka, await server.create_database(), topic_prefix, codec, tmp_path) as world,
        world.reconciler() as process,
    ):
        name = endpoint_of(world.database.dsn())
        await world.happens(g.request())
        await world.ledger.until(lambda: world.ledger.of("mint-1") == ["MintAccepted"])
        scraped = Scraped(await world.until_ready(process))
        breaker = f'trimint_breaker_state{{dependency="database",endpoint="{name}"}}'
        assert await scraped.value(breaker) == CLOSED
        await server.kill()
        await world.happens(g.pinned())
        await process.until(_retried(process), within=PATIENCE, what="a retry")
        await scraped.until(breaker, OPEN)
        await scraped.until_total(*LAG, 1)
        assert await scraped.value(f"trimint_in_flight_records{IPFS_GROUP}") == 1
        assert await scraped.value(f"trimint_oldest_in_flight_seconds{IPFS_GROUP}") > 0
        await server.start()
        await world.ledger.until(lambda: "MintPrepared" in world.ledger.of("mint-1"))
        await scraped.until(breaker, CLOSED)
        await scraped.until_total(*LAG, 0)
        assert await scraped.value(f"trimint_in_flight_records{IPFS_GROUP}") == 0
        limit = await scraped.value(f"trimint_in_flight_limit_records{IPFS_GROUP}")
        assert limit == MOST_RECORDS[IPFS]
        assert world.ledger.of("mint-1") == ["MintAccepted", "MintPrepared"]
        await world.until("SELECT count(*) FROM event_store WHERE partition IS NULL", 0)
        await assert_sound(world)


def _retried(process: ChildProcess) -> Callable[[], Awaitable[bool]]:
    async def retried() -> bool:
        return '"failure": "outage"' in process.log_tail(100_000)

    return retried

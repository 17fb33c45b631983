"""What was decided is published in order, all of it, by one relay at a time."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from mint_events.bus import Position, Record
from mint_events.store import take_relay
from reconciler.guarded import GuardedDatabase
from reconciler.relay import Relay

from . import given as g
from .conftest import Bench


class Kafka:
    """Keeps what is sent; may break off after that."""

    def __init__(self) -> None:
        self.sent: list[Record] = []
        self.breaks_off = False

    async def send(self, *records: Record) -> list[Position]:
        first = len(self.sent)
        self.sent += records
        if self.breaks_off:
            raise ConnectionResetError("the process was killed")
        return [
            Position(topic=record.topic, partition=0, offset=first + n)
            for n, record in enumerate(records)
        ]

    def keys(self) -> list[bytes | None]:
        return [record.key for record in self.sent]


def relay_of(bench: Bench, kafka: Kafka) -> Relay:
    return Relay(GuardedDatabase(bench.pool, "test"), kafka, bench.reconciler.decided)


async def unpublished(pool: asyncpg.Pool) -> int:
    count: int = await pool.fetchval("SELECT count(*) FROM event_store WHERE partition IS NULL")
    return count


@pytest.mark.requirement("RE-10")
async def test_what_was_decided_is_published_in_order_and_marked(bench: Bench) -> None:
    mints = [f"mint-{n}" for n in range(5)]
    await bench.happens(*(g.request(mint) for mint in mints))
    kafka = Kafka()
    assert await relay_of(bench, kafka).publish_pending() == 5
    assert kafka.keys() == [mint.encode() for mint in mints]
    assert {record.topic for record in kafka.sent} == {"mint.ledger"}
    assert await unpublished(bench.pool) == 0
    assert await relay_of(bench, kafka).publish_pending() == 0


@pytest.mark.requirement("RE-10")
async def test_a_crash_between_publishing_and_marking_publishes_the_same_events_again(
    bench: Bench,
) -> None:
    await bench.happens(g.request())
    kafka = Kafka()
    kafka.breaks_off = True
    with pytest.raises(ConnectionResetError):
        await relay_of(bench, kafka).publish_pending()
    assert await unpublished(bench.pool) == 1
    kafka.breaks_off = False
    assert await relay_of(bench, kafka).publish_pending() == 1
    first, second = kafka.sent
    assert first == second


@pytest.mark.requirement("RE-10")
async def test_while_one_relays_another_does_not(bench: Bench) -> None:
    await bench.happens(g.request())
    kafka = Kafka()
    async with bench.pool.acquire() as connection, connection.transaction():
        assert await take_relay(connection)
        assert await relay_of(bench, kafka).publish_pending() == 0
    assert kafka.sent == []
    assert await relay_of(bench, kafka).publish_pending() == 1


@pytest.mark.requirement("RE-10")
async def test_a_decision_wakes_the_relay_and_a_stop_ends_it(bench: Bench) -> None:
    kafka, stop = Kafka(), asyncio.Event()
    running = asyncio.create_task(relay_of(bench, kafka).run(stop))
    await bench.happens(g.request())
    async with asyncio.timeout(30):
        while await unpublished(bench.pool):  # noqa: ASYNC110 - it is in the database
            await asyncio.sleep(0.01)
        stop.set()
        await running
    assert kafka.keys() == [b"mint-1"]

"""The gate as one reconciler keeps it: what it believes, when it lets requests through."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import asyncpg
import pytest
from prometheus_client import REGISTRY

from mint_events import catalogue as c
from mint_events.catalogue import Layer
from mint_events.codec import Codec
from mint_events.gate import Maintenance, Report
from mint_events.store import audit
from mint_events.topics import REQUESTS
from mint_resilience.backoff import GATE_DATABASE
from mint_sandbox.postgres import Database, PostgresServer
from reconciler import database as db
from reconciler.admission import Admission
from reconciler.gate import Gate
from reconciler.offsets import Gap, Partition
from reconciler.replay import differences
from reconciler.write_probe import WriteProbe

from . import given as g
from .conftest import Bench, Log, reconciler_on

REQUESTS_0: Partition = (REQUESTS.name, 0)


class Time:
    """The time, as the test wants it."""

    def __init__(self) -> None:
        self.second = 0.0

    def __call__(self) -> datetime:
        return g.at(self.second)


def report(layer: Layer, fault: str | None = None, *, instance: str = "other") -> Report:
    return Report(
        layer=layer,
        instance=instance,
        fault=fault,
        expires=g.at(30),
        authorities=frozenset({g.AUTHORITY}),
    )


def open_gate(time: Time) -> Gate:
    gate = Gate(g.AUTHORITY, time)
    gate.hear([report(Layer.IPFS), report(Layer.SOLANA)], [])
    gate.report(report(Layer.DATABASE, instance="own"))
    gate.decide()
    return gate


@pytest.mark.requirement("MF-3")
def test_it_is_closed_before_the_first_decision_and_holds_requests_alone() -> None:
    gate = Gate(g.AUTHORITY, Time())
    assert gate.holds(REQUESTS_0)
    assert not gate.holds(("mint.ipfs", 0))


@pytest.mark.requirement("MF-3")
def test_it_closes_by_itself_when_reports_are_not_renewed() -> None:
    time = Time()
    gate = open_gate(time)
    assert gate.is_open

    found = []
    for time.second in (29.9, 30):
        gate.decide()
        found.append(gate.is_open)
    assert found == [True, False]
    assert gate.holds(REQUESTS_0)


@pytest.mark.requirement("MF-3")
def test_of_its_own_database_it_believes_itself_alone() -> None:
    gate = open_gate(Time())
    gate.report(report(Layer.DATABASE, "read-only", instance="own"))
    gate.hear([report(layer) for layer in Layer], [])
    gate.decide()
    assert not gate.is_open


@pytest.mark.requirement("MF-3")
def test_when_it_closes_requests_are_no_longer_taken_as_they_come_not_even_once_open_again() -> (
    None
):
    gate = open_gate(Time())
    gate.go_live()
    live = [gate.is_live]

    closed = Maintenance(layer=Layer.IPFS, by="ann", reason="disk", since=g.at(0))
    gate.hear([report(Layer.IPFS), report(Layer.SOLANA)], [closed])
    gate.decide()
    gate.go_live()
    live.append(gate.is_live)
    gate.hear([report(Layer.IPFS), report(Layer.SOLANA)], [])
    gate.decide()
    live.append(gate.is_live)
    assert gate.is_open
    assert live == [True, False, False], "what waited comes first"


@pytest.mark.requirement("MF-3", "OB-1")
def test_metrics_say_which_layer_is_closed_and_why() -> None:
    gate = open_gate(Time())
    assert _open(Layer.IPFS) == 1.0
    gate.hear([report(Layer.IPFS, "full"), report(Layer.SOLANA)], [])
    gate.decide()
    assert [_open(layer) for layer in Layer] == [1.0, 0.0, 1.0]
    assert _closed(Layer.IPFS, "down") == 1.0
    assert _closed(Layer.IPFS, "maintenance") == 0.0


def _open(layer: Layer) -> float | None:
    return REGISTRY.get_sample_value("trimint_gate_open", {"layer": layer})


def _closed(layer: Layer, reason: str) -> float | None:
    return REGISTRY.get_sample_value("trimint_gate_closed", {"layer": layer, "reason": reason})


class Shutter:
    """Says what is held, and may change its mind after so many questions."""

    def __init__(self, *, closes_after: int) -> None:
        self.questions = closes_after

    def __call__(self, partition: Partition) -> bool:
        self.questions -= 1
        return partition == REQUESTS_0 and self.questions < 0


@pytest.mark.requirement("MF-3")
async def test_a_request_that_is_held_stays_in_kafka_and_other_topics_go_on(
    bench: Bench, pool: asyncpg.Pool
) -> None:
    await bench.happens(g.request("mint-1"))
    held = reconciler_on(pool, bench.log, holds=Shutter(closes_after=0))

    await held.process(bench.log.send(g.sent(g.request("mint-2")), g.sent(g.pinned("mint-1"))))
    await held.fill(Gap(partition=REQUESTS_0, first=1, stop=2))

    assert await bench.kinds("mint-1") == ["MintAccepted", "MintPrepared"]
    assert await bench.kinds("mint-2") == []
    assert await held.expected([REQUESTS_0]) == {REQUESTS_0: 1}


@pytest.mark.requirement("MF-3")
async def test_nothing_is_written_when_the_gate_closes_between_reading_and_writing(
    bench: Bench, pool: asyncpg.Pool
) -> None:
    for questions in (1, 2):  # once to sift, once more before the write
        reconciler = reconciler_on(pool, bench.log, holds=Shutter(closes_after=questions))
        await reconciler.process(bench.log.send(g.sent(g.request(f"mint-{questions}"))))
    assert await bench.kinds("mint-1") == []
    assert await bench.kinds("mint-2") == []
    await bench.reconciler.fill(Gap(partition=REQUESTS_0, first=0, stop=2))
    assert await bench.kinds("mint-1") == ["MintAccepted"]


class Ends(Log):
    """A log that can say how far it goes."""

    async def ends(self) -> dict[Partition, int]:
        return {(topic, 0): len(records) for topic, records in self.topics.items()}


@pytest.mark.requirement("MF-3")
async def test_requests_that_come_while_others_wait_are_left_until_it_is_their_turn(
    pool: asyncpg.Pool, codec: Codec
) -> None:
    log, gate = Ends(codec), open_gate(Time())
    reconciler = reconciler_on(pool, log, holds=gate.holds)
    admission = Admission(gate, reconciler, log)
    records = log.send(*(g.sent(g.request(f"mint-{n}")) for n in range(3)))

    await admission.process(records)
    assert await reconciler.expected([REQUESTS_0]) == {REQUESTS_0: 0}
    gate.go_live()
    await admission.process(records)
    assert await reconciler.expected([REQUESTS_0]) == {REQUESTS_0: 3}


@pytest.mark.requirement("MF-3", "RE-1")
async def test_maintenance_is_in_the_event_store_and_changes_no_mint(bench: Bench) -> None:
    begun = c.MaintenanceBegun(layer=Layer.IPFS, by="ann", reason="disk is replaced")
    await bench.happens(begun, g.request("mint-1"))

    rows = await bench.rows("SELECT type, decoded FROM event_store WHERE mint_id = 'layer/ipfs'")
    assert [row["type"] for row in rows] == ["MaintenanceBegun"]
    assert "disk is replaced" in str(rows[0]["decoded"])
    async with bench.pool.acquire() as connection:
        assert await audit(connection) == []
        assert await differences(connection, bench.codec) == []


@pytest.mark.requirement("MF-3")
async def test_a_database_that_answers_but_takes_no_writes_is_not_well(
    pool: asyncpg.Pool, postgres: PostgresServer, database: Database
) -> None:
    assert await _fault(pool) is None
    assert await pool.fetchval("SELECT count(*) FROM write_probe") == 0, "it leaves nothing"

    await pool.execute(f'ALTER DATABASE "{database.name}" SET default_transaction_read_only = on')
    async with db.connect(database.socket_dsn(), 2) as read_only:
        assert "ReadOnly" in str(await _fault(read_only))
        assert await db.ping(read_only) is None


@pytest.mark.requirement("MF-3")
async def test_a_single_failure_to_write_is_no_fault(pool: asyncpg.Pool) -> None:
    class Once:
        """Refuses the first connection."""

        refusals = 1

        def acquire(self) -> object:
            if self.refusals:
                self.refusals -= 1
                raise ConnectionRefusedError("nobody there")
            return pool.acquire()

    assert await _fault(Once()) is None  # type: ignore[arg-type]  # all of a pool that is used
    twice = Once()
    twice.refusals = 2
    assert "nobody there" in str(await _fault(twice))  # type: ignore[arg-type]  # as above


async def _fault(pool: asyncpg.Pool) -> str | None:
    found: list[str | None] = []
    return await WriteProbe(pool, found.append, replace(GATE_DATABASE, base=0.0)).fault()

"""Work on a real database behind a breaker: what is tried again, what waits, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from mint_resilience.breaker import BreakerPolicy, State, Transition
from mint_resilience.endpoint import Unobserved
from mint_resilience.failures import AllUnavailable, Outage, Poison, Transient
from mint_sandbox.postgres import PostgresServer
from reconciler import database as db
from reconciler.guarded import GuardedDatabase

from .conftest import Bench
from .given import pinned, request

PATIENCE = 60.0
RECONNECTS = (0.5, 1.0, 2.0)
JITTER = 1.1


class Breaker(Unobserved):
    """What the breaker has done, as its observer is told."""

    def __init__(self) -> None:
        self.states: list[State] = []
        self.changed = asyncio.Event()

    def transitioned(self, dependency: str, endpoint: str, transition: Transition) -> None:
        self.states.append(transition.after)
        self.changed.set()

    async def until_open(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while State.OPEN not in self.states:
                self.changed.clear()
                await self.changed.wait()


class Failing:
    """Makes the server end in an error so many times, then answer."""

    def __init__(self, pool: asyncpg.Pool, state: str, times: int) -> None:
        self._pool = pool
        self._state = state
        self.left = times
        self.tries = 0

    async def __call__(self) -> int:
        self.tries += 1
        self.left -= 1
        if self.left >= 0:
            await self._pool.execute(f"DO $$ BEGIN RAISE SQLSTATE '{self._state}'; END $$")
        return int(await self._pool.fetchval("SELECT 1"))


def waits(lines: list[Any]) -> list[float]:
    """Seconds before each further try, as the log has them."""
    return [line["wait"] for line in lines if line["event"] == "tried again"]


def selecting(pool: asyncpg.Pool) -> Callable[[], Awaitable[int]]:
    async def select() -> int:
        return int(await pool.fetchval("SELECT 1"))

    return select


@pytest.fixture
def breaker() -> Breaker:
    return Breaker()


@pytest.fixture
def guarded(pool: asyncpg.Pool, breaker: Breaker) -> GuardedDatabase:
    return GuardedDatabase(pool, "db.example/trimint", observer=breaker, patience=0.01)


@pytest.fixture
async def server() -> AsyncIterator[PostgresServer]:
    """A server of the test's own: it takes it down."""
    async with PostgresServer() as server:
        yield server


@pytest.mark.requirement("RE-9", "NR-1")
@pytest.mark.parametrize("state", ["40P01", "40001", "57014"])
async def test_a_deadlock_or_a_timeout_is_tried_again_at_once(
    guarded: GuardedDatabase, pool: asyncpg.Pool, state: str
) -> None:
    operation = Failing(pool, state, 1)
    with capture_logs() as lines:
        assert await guarded.run(operation) == 1
    assert waits(lines) == [0.0]
    assert [(line["failure"], line["endpoint"]) for line in lines] == [
        ("transient", "db.example/trimint")
    ]


@pytest.mark.requirement("MF-5", "RE-9")
async def test_a_deadlock_that_comes_again_is_tried_three_times_with_waits_in_between(
    guarded: GuardedDatabase, pool: asyncpg.Pool, breaker: Breaker
) -> None:
    with capture_logs() as lines:
        assert await guarded.run(Failing(pool, "40P01", 5)) == 1
    assert [round(wait / JITTER, 1) <= base <= wait for wait, base in _paired(lines)] == [True] * 5
    assert breaker.states == []


def _paired(lines: list[Any]) -> list[tuple[float, float]]:
    return list(zip(waits(lines), (0.0, 0.5, 0.0, 1.0, 0.0), strict=True))


@pytest.mark.requirement("RE-9", "NR-2", "NR-3")
async def test_a_server_that_is_killed_is_tried_after_half_1_and_2_s_then_the_breaker_opens(
    server: PostgresServer, breaker: Breaker
) -> None:
    async with db.connect((await server.create_database()).dsn(), 1) as pool:
        guarded = GuardedDatabase(pool, "db", observer=breaker)
        assert await guarded.run(selecting(pool)) == 1
        await server.kill()
        with capture_logs() as lines:
            work = asyncio.create_task(guarded.run(selecting(pool)))
            await breaker.until_open()
        assert [b <= w <= b * JITTER for w, b in zip(waits(lines), RECONNECTS, strict=True)] == [
            True
        ] * 3
        with pytest.raises(AllUnavailable) as put_off:
            await guarded.ask(selecting(pool))
        assert (put_off.value.retry_after or 0) > 0

        await server.start()
        guarded.looked(None)
        async with asyncio.timeout(PATIENCE):
            assert await work == 1
        for _ in range(2):
            await guarded.run(selecting(pool))
    assert breaker.states == [State.OPEN, State.HALF_OPEN, State.CLOSED]


@pytest.mark.requirement("RE-9", "NR-2")
async def test_a_database_that_looks_well_and_works_badly_is_not_probed_with_every_look(
    pool: asyncpg.Pool, breaker: Breaker
) -> None:
    policy = BreakerPolicy(minimum_calls=1)
    guarded = GuardedDatabase(pool, "db", observer=breaker, policy=policy)
    broken = Failing(pool, "57P03", 99)
    for _ in range(5):
        with pytest.raises(Outage if broken.tries < 2 else AllUnavailable):
            await guarded.ask(broken)
        guarded.looked(None)
    assert broken.tries == 2

    guarded.looked("refused")
    guarded.looked(None)
    with pytest.raises(Outage):
        await guarded.ask(broken)


@pytest.mark.requirement("NR-1", "NR-2")
@pytest.mark.parametrize("failure", [Outage("kafka: refused"), Transient("kafka: time-out")])
async def test_what_kafka_does_is_not_held_against_the_database(
    guarded: GuardedDatabase, breaker: Breaker, failure: Exception
) -> None:
    tries = 0

    async def publish() -> None:
        nonlocal tries
        tries += 1
        raise failure

    for _ in range(20):
        with pytest.raises(type(failure), match="kafka"):
            await guarded.run(publish)
    assert tries == 20
    assert breaker.states == []


@pytest.mark.requirement("NR-1", "RE-9")
async def test_a_value_that_is_not_taken_is_the_records_fault_at_once(
    guarded: GuardedDatabase, pool: asyncpg.Pool, breaker: Breaker
) -> None:
    operation = Failing(pool, "22P05", 1)
    with pytest.raises(Poison):
        await guarded.run(operation)
    assert operation.tries == 1
    assert breaker.states == []


@pytest.mark.requirement("NR-1", "RE-9")
async def test_while_a_table_is_missing_work_waits_and_no_record_is_given_up(bench: Bench) -> None:
    await bench.happens(request())
    await bench.pool.execute("ALTER TABLE mint_document RENAME TO lost")
    with capture_logs() as lines:
        working = asyncio.create_task(bench.happens(pinned()))
        async with asyncio.timeout(PATIENCE):
            while not lines:  # noqa: ASYNC110 - the log is written elsewhere
                await asyncio.sleep(0.01)
        assert not working.done()
        await bench.pool.execute("ALTER TABLE lost RENAME TO mint_document")
        await working
    assert {line["failure"] for line in lines} == {"permanent"}
    assert bench.log.letters == []
    assert await bench.kinds() == ["MintAccepted", "MintPrepared"]

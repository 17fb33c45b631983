"""Mints per second from request to completion, latency of each step, calls per mint.

`python benchmarks/end_to_end.py [--mints 500] [--slot-ms 400] [--json]` (or `make bench`) runs the
four services, one process each, on a sandbox of their own with a durable Postgres, asks for all
mints at once and prints what it measured. Latencies are those of the events' own times; calls are
counted by who was called: the sandbox's servers, and Postgres by pg_stat_statements.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import asyncpg
import psutil
from solders.keypair import Keypair

from mint_events.bus import Cluster
from mint_events.catalogue import MintRequested
from mint_sandbox.stack import Stack, StackOptions
from trimint.board import board_for
from trimint.demo.collection import collection
from trimint.fleet import Fleet
from trimint.following import connected, follow, publish
from trimint.page import page

VERIFY_DELAY = 1
"""Seconds from phase 1 to phase 2: the wait is a setting, it says nothing about speed."""

PATIENCE = 1800.0
STEPS = (
    ("MintRequested", "MintAccepted"),
    ("MintAccepted", "AssetsPinned"),
    ("AssetsPinned", "MintPrepared"),
    ("MintPrepared", "MintSubmitted"),
    ("MintSubmitted", "MintConfirmed"),
    ("MintConfirmed", "PhaseCompleted"),
    ("MintRequested", "MintCompleted"),
)
MEGABYTE = 1024 * 1024

_TIMES = "SELECT mint_id, type, min(occurred_at) AS at FROM event_store GROUP BY mint_id, type"
_STATEMENTS = """
SELECT sum(calls)::bigint FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid
WHERE r.rolname LIKE 'trimint%'
"""


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds of one step over all mints."""

    step: str
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured; calls are per mint, memory is in MB, halfway and at the end."""

    mints: int
    completed: int
    seconds: float
    per_second: float
    latencies: tuple[Latency, ...]
    calls: dict[str, float]
    memory: dict[str, tuple[float, float]]
    errors_logged: int


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mints", type=int, default=500)
    parser.add_argument("--slot-ms", type=float, default=400.0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = asyncio.run(measure(arguments.mints, arguments.slot_ms))
    print(json.dumps(asdict(figures), indent=2) if arguments.json else table(figures))


async def measure(mints: int, slot_ms: float) -> Figures:
    """Run the whole system once and measure it."""
    logs = Path(tempfile.mkdtemp(prefix="trimint-bench-"))
    async with Stack(StackOptions(slot_ms=slot_ms)) as stack:
        await _count_statements(stack)
        env = stack.env | {"TRIMINT_VERIFY_DELAY": str(VERIFY_DELAY)}
        async with Fleet(env, logs) as fleet:
            await fleet.ready()
            await _forget_calls(stack)
            return await _minted(mints, stack, fleet)


async def _minted(mints: int, stack: Stack, fleet: Fleet) -> Figures:
    wanted = _one_each(mints)
    brokers = tuple(stack.env["TRIMINT_KAFKA_BROKERS"].split(","))
    cluster = Cluster(brokers=brokers, prefix=stack.env["TRIMINT_KAFKA_TOPIC_PREFIX"])
    halfway = asyncio.create_task(_memory_at(mints // 2, stack, fleet))
    started = time.monotonic()
    async with connected(cluster, None) as connection:
        begun = await publish(connection, wanted)
        with board_for(page(), quiet=True) as board:
            done = await follow(connection, begun, board, within=PATIENCE)
    seconds = time.monotonic() - started
    before, after = await halfway, _memory(fleet)
    return Figures(
        mints=mints,
        completed=sum(progress.is_completed for progress in done),
        seconds=seconds,
        per_second=mints / seconds,
        latencies=await _latencies(stack),
        calls=await _calls(stack, mints),
        memory={name: (before[name], after[name]) for name in after},
        errors_logged=sum(len(service.complaints()) for service in fleet),
    )


def _one_each(mints: int) -> list[MintRequested]:
    """The demo's requests, each for a user of its own: no mint waits for another one's lock."""
    return [
        replace(request, user_id=f"user-{request.mint_id}", wallet=str(Keypair().pubkey()))
        for request in collection(mints).valid
    ]


async def _count_statements(stack: Stack) -> None:
    """Postgres loads the counter only at its start, so it is started once more."""
    postgres = stack.servers.postgres
    await postgres.administer("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
    await postgres.kill()
    await postgres.start()
    await postgres.administer("CREATE EXTENSION pg_stat_statements", postgres.database().name)


async def _forget_calls(stack: Stack) -> None:
    postgres = stack.servers.postgres
    await postgres.administer("SELECT pg_stat_statements_reset()", postgres.database().name)
    await stack.servers.solana.reset_calls()
    await stack.servers.ipfs.reset_calls()


async def _calls(stack: Stack, mints: int) -> dict[str, float]:
    counted: Counter[str] = Counter()
    for server, kind in ((stack.servers.solana, "Solana RPC"), (stack.servers.ipfs, "IPFS HTTP")):
        for endpoint in (await server.calls()).values():
            for operation, count in endpoint.items():
                counted[f"{kind}: {operation}"] += count
                counted[f"{kind}: all"] += count
    counted["SQL: all"] = await _statements(stack)
    return {name: count / mints for name, count in sorted(counted.items())}


async def _statements(stack: Stack) -> int:
    connection = await asyncpg.connect(stack.servers.postgres.database().dsn("postgres"))
    try:
        return int(await connection.fetchval(_STATEMENTS))
    finally:
        await connection.close()


async def _latencies(stack: Stack) -> tuple[Latency, ...]:
    connection = await asyncpg.connect(stack.env["TRIMINT_DATABASE_READ_URL"])
    try:
        rows = await connection.fetch(_TIMES)
    finally:
        await connection.close()
    times = {(row["mint_id"], row["type"]): row["at"].timestamp() for row in rows}
    mints = {row["mint_id"] for row in rows}
    return tuple(_latency(times, mints, first, last) for first, last in STEPS)


def _latency(
    times: dict[tuple[str, str], float], mints: set[str], first: str, last: str
) -> Latency:
    spans = sorted(
        times[mint, last] - times[mint, first]
        for mint in mints
        if (mint, first) in times and (mint, last) in times
    )
    quantile = [spans[int(q * (len(spans) - 1))] if spans else float("nan") for q in (0.5, 0.99)]
    return Latency(f"{first} → {last}", *quantile)


async def _memory_at(completed: int, stack: Stack, fleet: Fleet) -> dict[str, float]:
    connection = await asyncpg.connect(stack.env["TRIMINT_DATABASE_READ_URL"])
    sql = "SELECT count(*) FROM mint_record WHERE status = 'completed'"
    try:
        while await connection.fetchval(sql) < completed:  # noqa: ASYNC110 - it is a table
            await asyncio.sleep(0.5)
    finally:
        await connection.close()
    return _memory(fleet)


def _memory(fleet: Fleet) -> dict[str, float]:
    return {
        service.name: psutil.Process(service.pid).memory_info().rss / MEGABYTE for service in fleet
    }


def table(figures: Figures) -> str:
    """The figures as lines of text."""
    headline = (
        f"{figures.completed} of {figures.mints} mints completed in {figures.seconds:.1f} s:"
        f" {figures.per_second:.1f} mints/s; {figures.errors_logged} errors logged"
    )
    lines = [
        headline,
        "",
        f"{'step':42} {'p50 s':>8} {'p99 s':>8}",
        *(f"{each.step:42} {each.p50:8.2f} {each.p99:8.2f}" for each in figures.latencies),
        "",
        f"{'calls':42} {'per mint':>8}",
        *(f"{name:42} {count:8.2f}" for name, count in figures.calls.items()),
        "",
        f"{'resident memory, MB':42} {'halfway':>8} {'end':>8}",
        *(f"{name:42} {half:8.0f} {end:8.0f}" for name, (half, end) in figures.memory.items()),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()

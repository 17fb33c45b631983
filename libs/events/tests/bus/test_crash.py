"""A process is killed in the middle of its work; the next one goes on, and nothing is missing."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest

from .support import INPUT, OUTPUT, Bus, event, eventually, output_ids

WORKER = Path(__file__).with_name("worker.py")
RECORDS = 1500


@asynccontextmanager
async def worker(bus: Bus, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker process that is killed at the end of the block, if it has not died before."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(WORKER),
        ",".join(bus.cluster.brokers),
        bus.cluster.prefix,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def begins(process: asyncio.subprocess.Process, count: int) -> None:
    """Wait until the worker has begun so many inputs."""
    assert process.stdout is not None
    begun = 0
    while begun < count:
        line = await process.stdout.readline()
        assert line, "the worker ended by itself"
        begun += line.strip().isdigit()


@pytest.mark.requirement("DE-4")
async def test_after_kill_9_every_input_is_handled_and_every_output_is_there_by_its_id(
    bus: Bus,
) -> None:
    inputs = [event(f"key-{n % 50}", n) for n in range(RECORDS)]
    expected = output_ids(inputs)
    await bus.publisher.publish(*inputs, topic=INPUT)

    async def outputs() -> set[UUID]:
        return {received.envelope.id for received in await bus.read_events(OUTPUT)}

    async def all_are_there() -> bool:
        return await outputs() >= expected

    for _ in range(2):
        async with worker(bus) as process:
            await begins(process, 100)
        assert await outputs() < expected, "it was killed in the middle"
    async with worker(bus) as process:
        draining = asyncio.create_task(begins(process, RECORDS * 2))
        await eventually(all_are_there)
        draining.cancel()
    assert await outputs() == expected, "redelivery makes the same ids again"

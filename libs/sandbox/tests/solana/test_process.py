"""The sandbox as its own process: it says when it is ready, and ends when told to."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

from solana.rpc.async_api import AsyncClient


async def test_the_process_announces_its_endpoints_serves_and_stops_cleanly(
    program: bytes, tmp_path: Path
) -> None:
    ready = tmp_path / "ready.json"
    arguments = ["--endpoints", "2", "--slot-ms", "20", "--seed", "7", "--ready-file", str(ready)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mint_sandbox.solana", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        announced = json.loads(await process.stdout.readline())
        async with AsyncClient(announced["endpoints"][1]["rpc"]) as client:
            connected = await client.is_connected()
    finally:
        process.send_signal(signal.SIGTERM)
        _, complaints = await process.communicate()

    assert connected
    assert json.loads(ready.read_text()) == announced
    assert (process.returncode, complaints) == (0, b"")


async def test_without_the_program_the_process_says_what_to_do(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mint_sandbox.solana"),
        env={"TRIMINT_PROGRAM_FILE": str(tmp_path / "absent.so")},
        stderr=asyncio.subprocess.PIPE,
    )
    _, complaints = await process.communicate()

    assert process.returncode == 1
    assert b"TRIMINT_PROGRAM_RPC_URL" in complaints
    assert b"Traceback" not in complaints

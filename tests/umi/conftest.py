"""Node and Metaplex's client: installed once from the lock file, run as the scripts here."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from mint_sandbox.solana import Genesis, Running, serve, token_metadata_program

FOLDER = Path(__file__).parent
RunScript = Callable[..., Awaitable[Any]]


async def run(*command: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=FOLDER,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, complaints = await process.communicate()
    assert process.returncode == 0, f"{command}: {complaints.decode()}"
    return output


@pytest.fixture(scope="session")
async def node() -> str:
    """The path of node, with Metaplex's client installed for it."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        pytest.skip("Metaplex's client needs node and npm on the PATH (Debian: nodejs npm)")
    if not (FOLDER / "node_modules" / ".package-lock.json").exists():
        await run(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    return found


@pytest.fixture
def script(node: str) -> RunScript:
    """Run one of the scripts here and read the JSON that it prints."""

    async def run_script(name: str, *arguments: str) -> Any:
        return json.loads(await run(node, name, *arguments))

    return run_script


@pytest.fixture
async def chain() -> AsyncIterator[Running]:
    program = token_metadata_program(os.environ)
    async with serve(program, genesis=Genesis(seed=7), slot_seconds=0.05) as running:
        yield running

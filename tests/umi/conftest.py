"""Node and Metaplex's client: installed once from the lock file, run as the scripts here."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from mint_sandbox.solana import Genesis, Running, serve, token_metadata_program

FOLDER = Path(__file__).parent
LOCK_FILE = FOLDER / "package-lock.json"
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
def node() -> str:
    """The path of node, with Metaplex's client installed for it."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        pytest.skip("Metaplex's client needs node and npm on the PATH (Debian: nodejs npm)")
    with LOCK_FILE.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # test runs side by side install once
        if not is_installed():
            install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(install, cwd=FOLDER, check=True, capture_output=True)
    return found


def is_installed() -> bool:
    """Whether what is installed is not older than the lock file."""
    installed = FOLDER / "node_modules" / ".package-lock.json"
    return installed.exists() and installed.stat().st_mtime >= LOCK_FILE.stat().st_mtime


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

"""Other people's JavaScript clients, run as scripts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from mint_sandbox.node_packages import NodeUnavailableError, node_with_packages

RunScript = Callable[..., Awaitable[Any]]


def runner(folder: Path) -> RunScript:
    """What runs a script of that folder, with its packages, and reads the JSON that it prints.

    Skips the test where node or npm is missing.
    """
    try:
        node = node_with_packages(folder)
    except NodeUnavailableError as missing:
        pytest.skip(str(missing))

    async def run_script(name: str, *arguments: str) -> Any:
        return json.loads(await _run(node, name, *arguments, folder=folder))

    return run_script


async def _run(*command: str, folder: Path) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, complaints = await process.communicate()
    assert process.returncode == 0, f"{command}: {complaints.decode()}"
    return output

"""Other people's JavaScript clients: installed once from their lock file, run as scripts."""

from __future__ import annotations

import asyncio
import fcntl
import json
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

RunScript = Callable[..., Awaitable[Any]]


def runner(folder: Path) -> RunScript:
    """What runs a script of that folder and reads the JSON that it prints.

    The packages of the folder's lock file are installed first, unless they are there. Skips the
    test where node or npm is missing.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("needs node and npm on the PATH (Debian: nodejs npm)")
    _install(npm, folder)

    async def run_script(name: str, *arguments: str) -> Any:
        return json.loads(await _run(node, name, *arguments, folder=folder))

    return run_script


def _install(npm: str, folder: Path) -> None:
    with (folder / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # test runs side by side install once
        if not _is_installed(folder):
            install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(install, cwd=folder, check=True, capture_output=True)


def _is_installed(folder: Path) -> bool:
    """Whether what is installed is not older than the lock file."""
    installed = folder / "node_modules" / ".package-lock.json"
    wanted = folder / "package-lock.json"
    return installed.exists() and installed.stat().st_mtime >= wanted.stat().st_mtime


async def _run(*command: str, folder: Path) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, complaints = await process.communicate()
    assert process.returncode == 0, f"{command}: {complaints.decode()}"
    return output

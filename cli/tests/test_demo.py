"""The demo itself, as a newcomer runs it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest


@pytest.mark.requirement("DE-1", "MF-7")
async def test_the_demo_mints_a_collection_and_finds_the_layers_consistent(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "trimint", "demo", "--mints", "3", "--logs", str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()

    told = out.decode()
    assert process.returncode == 0, told
    assert "3 completed, 1 rejected as it should be" in told
    assert "The chain holds 3 tokens" in told
    assert "wallet: " in told

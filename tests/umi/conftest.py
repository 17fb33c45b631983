"""Metaplex's client for node, and a chain for it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.node import RunScript, runner

from mint_sandbox.solana import Genesis, Running, serve, token_metadata_program


@pytest.fixture(scope="session")
def script() -> RunScript:
    return runner(Path(__file__).parent)


@pytest.fixture
async def chain() -> AsyncIterator[Running]:
    program = token_metadata_program(os.environ)
    async with serve(program, genesis=Genesis(seed=7), slot_seconds=0.05) as running:
        yield running

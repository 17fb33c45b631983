"""Pinata's client for node, and an account of the sandbox for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.node import RunScript, runner
from support.pinata import Sdk

from mint_sandbox.ipfs.server import IpfsEndpoints, running


@pytest.fixture(scope="session")
def script() -> RunScript:
    return runner(Path(__file__).parent)


@pytest.fixture
async def ipfs() -> AsyncIterator[IpfsEndpoints]:
    async with running() as endpoints:
        yield endpoints


@pytest.fixture
def sdk(script: RunScript, ipfs: IpfsEndpoints) -> Sdk:
    return Sdk(script, ipfs.pinata_api, ipfs.pinata_jwt)

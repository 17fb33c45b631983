"""Real Kubo nodes: one that keeps content, and one that serves as gateway what the other has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from mint_sandbox.ipfs.kubo_build import KuboUnavailableError, kubo_binary
from mint_sandbox.ipfs.kubo_node import KuboNode

MODULE = Path(__file__).parents[2] / "tools" / "kubo"


@pytest.fixture(scope="session")
def binary() -> Path:
    try:
        return kubo_binary(MODULE)
    except KuboUnavailableError as missing:
        pytest.skip(f"needs a real Kubo: {missing}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def node(binary: Path) -> AsyncIterator[KuboNode]:
    """The node that content is given to."""
    async with KuboNode(binary, offline=False) as node:
        yield node


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def gateway(binary: Path, node: KuboNode) -> AsyncIterator[KuboNode]:
    """Another node, which gets what it serves from the first one."""
    async with KuboNode(binary, offline=False) as gateway:
        await gateway.connect(node)
        yield gateway


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client

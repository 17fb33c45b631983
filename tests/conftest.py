"""A Trimint of the test's own: its tenant on the shared servers, and its four service processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from support.upstream import Upstream, upstream

from mint_events.bus import Cluster
from mint_sandbox.tenant import Tenant
from trimint.fleet import Fleet


@pytest.fixture
def cluster(tenant: Tenant) -> Cluster:
    return Cluster(
        brokers=tuple(tenant.servers.kafka.brokers.split(",")), prefix=tenant.topic_prefix
    )


@pytest.fixture
def settings() -> dict[str, str]:
    """What a test sets beyond the defaults; it overrides this fixture, or gives it as parameter."""
    return {}


@pytest_asyncio.fixture(loop_scope="session")
async def fleet(tenant: Tenant, settings: dict[str, str], tmp_path: Path) -> AsyncIterator[Fleet]:
    env = {**tenant.env, "TRIMINT_VERIFY_DELAY": "1", **settings}
    async with Fleet(env, tmp_path / "logs") as fleet:
        await fleet.ready()
        yield fleet


@pytest_asyncio.fixture(loop_scope="session")
async def shop(cluster: Cluster) -> AsyncIterator[Upstream]:
    """The upstream system that orders the mints."""
    async with upstream(cluster) as shop:
        yield shop

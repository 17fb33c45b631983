"""Liveness, readiness and metrics over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from prometheus_client import Counter

from mint_runtime import health
from mint_runtime.health import HealthServer

SEEN = Counter("trimint_health_test_total", "Counts in this test only.")


@pytest_asyncio.fixture
async def server() -> AsyncIterator[HealthServer]:
    server = HealthServer("127.0.0.1", 0)
    await server.start()
    yield server
    await server.stop()


async def get(server: HealthServer, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(server.address + path) as response:
        return response.status, await response.text()


async def well() -> None:
    return None


async def test_a_running_process_is_alive(server: HealthServer) -> None:
    assert (await get(server, "/livez"))[0] == 200


async def test_a_service_that_starts_and_has_no_check_yet_is_not_ready(
    server: HealthServer,
) -> None:
    assert await get(server, "/readyz") == (503, '{"ready": false, "checks": {}}')


async def test_it_is_ready_when_every_check_passes(server: HealthServer) -> None:
    server.add_check("kafka", well)
    assert await get(server, "/readyz") == (200, '{"ready": true, "checks": {"kafka": "ok"}}')


async def test_the_body_says_which_check_failed_and_why(server: HealthServer) -> None:
    async def unassigned() -> str:
        return "no partition is assigned yet"

    async def broken() -> None:
        raise ConnectionRefusedError("127.0.0.1:5432")

    server.add_check("kafka", unassigned)
    server.add_check("database", broken)
    server.add_check("ipfs", well)
    status, body = await get(server, "/readyz")
    assert status == 503
    assert '"kafka": "no partition is assigned yet"' in body
    assert '"database": "ConnectionRefusedError: 127.0.0.1:5432"' in body
    assert '"ipfs": "ok"' in body


async def test_a_check_that_hangs_is_a_failed_one(
    server: HealthServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(health, "CHECK_TIMEOUT_SECONDS", 0.01)
    server.add_check("solana", hang)
    status, body = await get(server, "/readyz")
    assert (status, "no answer within 0.01 s" in body) == (503, True)


@pytest.mark.requirement("OB-1")
async def test_metrics_are_in_prometheus_text_format(server: HealthServer) -> None:
    SEEN.inc()
    status, body = await get(server, "/metrics")
    assert status == 200
    assert "trimint_health_test_total 1.0" in body

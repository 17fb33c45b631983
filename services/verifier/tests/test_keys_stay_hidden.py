"""Given endpoints whose URLs hold keys, and who repeat all they are told, when a mint is verified,
then no key shows: not in events, log lines, readiness, metrics or a breaker's reasons."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer
from structlog.testing import capture_logs

from mint_events.catalogue import CheckCompleted, MintConfirmed, VerificationDue
from mint_runtime.health import HealthServer
from verifier.plan import PHASE_2, Clients

from .layers import Layers
from .looking import Endpoints, Heard, inconclusive, published, received, running, settings_of

KEY = "k3y-of-the-provider"
TALK = {
    "an error": lambda told: web.Response(status=500, text=told),
    "no admittance": lambda told: web.Response(status=401, text=told),
    "a rate limit": lambda told: web.Response(status=429, text=told),
    "a cut": lambda told: web.Response(status=403, text=told.rjust(210)),
    "a page": lambda told: web.Response(text=f"<html>{told}"),
    "a page that is cut": lambda told: web.Response(text=told.rjust(210)),
    "an RPC error": lambda told: web.json_response(
        {"jsonrpc": "2.0", "error": {"code": -32000, "message": told}, "id": 0}
    ),
    "another place": lambda told: web.Response(status=302, headers={"Location": told}),
}


@pytest.fixture(params=TALK)
async def chatterbox(request: pytest.FixtureRequest) -> AsyncIterator[BaseTestServer]:
    """A server that answers everything with the URL that it was asked at."""

    async def answer(asked: web.Request) -> web.StreamResponse:
        return TALK[request.param](str(asked.url))

    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", answer)
    async with TestServer(app) as server:
        yield server


def keyed(server: BaseTestServer, database: str) -> Endpoints:
    at = f"{server.host}:{server.port}"
    return Endpoints(
        solana=(f"http://{at}/v2/{KEY}", f"mine=http://{at}/?api-key={KEY}"),
        gateways=(f"http://ann:{KEY}@{at}", f"http://{at}/{KEY}"),
        database=database,
        partner=f"http://{at}/level?key={KEY}",
    )


async def ready(clients: Clients) -> str:
    """What `/readyz` says."""
    health = HealthServer("127.0.0.1", 0)
    health.add_check("solana", clients.chain.readiness)
    health.add_check("database", clients.records.readiness)
    await health.start()
    async with httpx.AsyncClient() as http:
        text = (await http.get(f"{health.address}/readyz")).text
    await health.stop()
    return text


@pytest.mark.requirement("CH-11", "OB-1")
async def test_no_key_shows_anywhere(
    chatterbox: BaseTestServer, confirmed: MintConfirmed, layers: Layers, nobody: str
) -> None:
    away = f"postgresql://app:{KEY}@{nobody.removeprefix('http://')}/app"
    settings = settings_of(keyed(chatterbox, away), breaker_minimum_calls=2, finality_timeout=0.5)
    phase_2 = VerificationDue(
        mint_id=confirmed.mint_id,
        phase=2,
        round=0,
        checks=(*PHASE_2, "partner_endpoint"),
        finalized_slot=None,
        confirmed=confirmed,
    )
    heard = Heard()

    with capture_logs() as lines:
        async with running(settings, layers.authority.pubkey(), observer=heard) as (
            verifier,
            clients,
        ):
            outputs = [
                *await verifier.handle(received(confirmed)),
                *await verifier.handle(received(phase_2)),
            ]
            readiness = await ready(clients)

    checks = [event for event in published(outputs) if isinstance(event, CheckCompleted)]
    assert {event.check for event in checks} == inconclusive(outputs)
    assert {line["endpoint"] for line in lines if line["event"] == "look failed"} >= {"primary"}
    assert any("OPEN" in told for told in heard.told)
    shown = [*map(str, map(asdict, published(outputs))), *map(str, lines), readiness, *heard.told]
    for text in shown:
        assert KEY[:6] not in text

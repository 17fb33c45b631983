"""The verifier, put together as in its process, and what it says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import httpx
from solders.pubkey import Pubkey

from mint_events.bus import Delay, Output, Publish
from mint_events.catalogue import (
    CheckCompleted,
    CheckOutcome,
    Event,
    PhaseCompleted,
    VerificationDue,
)
from mint_events.envelope import Envelope, Received, root
from verifier.database import RecordReader
from verifier.examination import Examiner, Limits
from verifier.finality import FinalityWatch
from verifier.gateways import Gateways
from verifier.partner import Partner, PartnerEndpoint
from verifier.phase import Waits
from verifier.plan import Clients, Plan, Rules
from verifier.rpc import SolanaReader
from verifier.service import Verifier

NOW = datetime(2026, 1, 1, tzinfo=UTC)
QUICK = Limits(attempts=2, timeout=5.0, backoff=0.0)
RULES = Rules(
    solana=QUICK,
    ipfs=QUICK,
    database=QUICK,
    partner=QUICK,
    finality=20.0,
    gateways_required=1,
    downloads=4,
    queries=2,
)


@dataclass
class Endpoints:
    """Where the verifier looks."""

    solana: tuple[str, ...]
    gateways: tuple[str, ...]
    database: str


async def verified(
    event: Event, authority: Pubkey, endpoints: Endpoints, rules: Rules = RULES
) -> list[Output]:
    """What the verifier, put together as in its process, answers to an event."""
    async with (
        httpx.AsyncClient() as http,
        asyncpg.create_pool(endpoints.database, min_size=0, max_size=2) as pool,
        aclosing(SolanaReader(endpoints.solana, timeout=5.0)) as chain,
    ):
        gateways = Gateways(http, endpoints.gateways, timeout=5.0)
        partners = Gateways(http, endpoints.gateways, timeout=5.0, trustless=False)
        watch = FinalityWatch(chain, interval=0.1)
        clients = Clients(
            chain=chain,
            finality=watch,
            gateways=gateways,
            records=RecordReader(pool, endpoints.database),
            partner=Partner(chain, partners),
            partner_endpoint=PartnerEndpoint(http),
        )
        waits = Waits(phase_2=300, retries=(30,))
        verifier = Verifier(
            Plan(clients, rules), Examiner(now=lambda: NOW), waits, authority, lambda: NOW
        )
        async with _running(watch):
            return list(await verifier.handle(received(event)))


@asynccontextmanager
async def _running(watch: FinalityWatch) -> AsyncIterator[None]:
    task = asyncio.create_task(watch.run())
    try:
        yield
    finally:
        task.cancel()


def received(event: Event) -> Received:
    envelope = root(event, id=uuid4(), source="test", time=NOW)
    return Received(
        envelope=envelope,
        topic="mint.chain",
        partition=0,
        offset=0,
        key=None,
        value=b"",
        headers=(),
    )


def published(outputs: list[Output]) -> list[Event]:
    return [output.envelope.event for output in outputs if isinstance(output, Publish)]


def outcomes(outputs: list[Output]) -> dict[str, CheckOutcome]:
    return {e.check: e.outcome for e in published(outputs) if isinstance(e, CheckCompleted)}


def named(outputs: list[Output], outcome: CheckOutcome) -> set[str]:
    return {name for name, seen in outcomes(outputs).items() if seen is outcome}


def failing(outputs: list[Output]) -> set[str]:
    return named(outputs, CheckOutcome.FAILED)


def inconclusive(outputs: list[Output]) -> set[str]:
    return named(outputs, CheckOutcome.INCONCLUSIVE)


def phase(outputs: list[Output]) -> PhaseCompleted | None:
    return next((e for e in published(outputs) if isinstance(e, PhaseCompleted)), None)


def due(outputs: list[Output]) -> tuple[VerificationDue, float] | None:
    for output in outputs:
        if isinstance(output, Delay) and isinstance(output.subject, Envelope):
            event = output.subject.event
            assert isinstance(event, VerificationDue)
            return event, output.wait.seconds
    return None


def evidence(outputs: list[Output], check: str) -> Mapping[str, str]:
    events = [e for e in published(outputs) if isinstance(e, CheckCompleted)]
    return next(e.evidence for e in events if e.check == check)

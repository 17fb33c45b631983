"""The verifier, put together as in its process, and what it says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

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
from mint_resilience.breaker import Transition
from mint_resilience.endpoint import Observer, Unobserved
from mint_resilience.failures import Failure
from verifier.clients import clients_of
from verifier.endpoints import Guards
from verifier.examination import Examiner
from verifier.finality import FinalityWatch
from verifier.plan import Clients, Plan
from verifier.service import Verifier
from verifier.settings import VerifierSettings

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Endpoints:
    """Where the verifier looks."""

    solana: tuple[str, ...]
    gateways: tuple[str, ...]
    database: str
    partner: str | None = None


def settings_of(endpoints: Endpoints, **changed: Any) -> VerifierSettings:
    """The verifier's settings, with nearly no waits."""
    quick = {
        f"{layer}_check_{name}": value
        for layer in ("solana", "ipfs", "database", "partner")
        for name, value in (("attempts", 2), ("timeout", 5.0), ("backoff", 0.0))
    }
    given = {
        "kafka_brokers": ("127.0.0.1:9",),
        "solana_rpc_urls": endpoints.solana,
        "solana_authority": str(Pubkey.default()),
        "ipfs_gateways": endpoints.gateways,
        "partner_url": endpoints.partner,
        "database_read_url": endpoints.database,
        "database_read_connections": 2,
        "gateways_required": 1,
        "finality_timeout": 20.0,
        "finality_interval": 0.1,
        "recheck_waits": ("30",),
    }
    return VerifierSettings(**{**given, **quick, **changed})


class Heard:
    """An observer that keeps all that it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def watched(self, dependency: str, endpoint: str) -> None:
        self.told.append(f"{dependency} {endpoint}")

    def called(self, dependency: str, endpoint: str, outcome: str, seconds: float) -> None:
        self.told.append(f"{dependency} {endpoint} {outcome}")

    def transitioned(self, dependency: str, endpoint: str, transition: Transition) -> None:
        self.told.append(f"{dependency} {endpoint} {transition}")

    def failed_over(self, dependency: str, source: str, target: str, failure: Failure) -> None:
        self.told.append(f"{dependency} {source} {target} {failure!r}")


class Clock:
    """Time in seconds that goes on by itself, and at once by what somebody sleeps."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def __call__(self) -> float:
        return time.monotonic() + sum(self.slept)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@asynccontextmanager
async def running(
    settings: VerifierSettings,
    authority: Pubkey,
    *,
    clock: Clock | None = None,
    observer: Observer | None = None,
) -> AsyncIterator[tuple[Verifier, Clients]]:
    """The verifier, put together as in its process, and its clients."""
    clock = clock or Clock()
    guards = Guards(policy=settings.breaker_policy, observer=observer or Unobserved(), clock=clock)
    async with clients_of(settings, guards) as clients:
        verifier = Verifier(
            Plan(clients, settings.rules),
            Examiner(now=lambda: NOW, clock=clock, sleep=clock.sleep),
            settings.waits,
            authority,
            lambda: NOW,
        )
        async with _running(clients.finality):
            yield verifier, clients


async def verified(
    event: Event, authority: Pubkey, endpoints: Endpoints, **changed: Any
) -> list[Output]:
    """What the verifier answers to an event."""
    async with running(settings_of(endpoints, **changed), authority) as (verifier, _):
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


def published(outputs: Sequence[Output]) -> list[Event]:
    return [output.envelope.event for output in outputs if isinstance(output, Publish)]


def outcomes(outputs: Sequence[Output]) -> dict[str, CheckOutcome]:
    return {e.check: e.outcome for e in published(outputs) if isinstance(e, CheckCompleted)}


def named(outputs: Sequence[Output], outcome: CheckOutcome) -> set[str]:
    return {name for name, seen in outcomes(outputs).items() if seen is outcome}


def failing(outputs: Sequence[Output]) -> set[str]:
    return named(outputs, CheckOutcome.FAILED)


def inconclusive(outputs: Sequence[Output]) -> set[str]:
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

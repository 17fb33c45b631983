"""`python -m verifier`: puts the verifier together and runs it until told to stop."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from mint_chain.addresses import parse_address
from mint_events.bus import Consumer
from mint_events.topics import CHAIN
from mint_resilience.endpoint import Observer
from mint_runtime.connection import connected
from mint_runtime.service import Process, run
from verifier.clients import clients_of
from verifier.endpoints import Guards
from verifier.examination import Examiner
from verifier.finality import FinalityWatch
from verifier.plan import Clients, Plan
from verifier.service import SERVICE, Verifier
from verifier.settings import VerifierSettings


async def serve(settings: VerifierSettings, process: Process) -> None:
    """Verify until `process.stop` is set."""
    async with (
        connected(settings, SERVICE) as connection,
        clients_of(settings, _guards(settings, connection.observer)) as clients,
    ):
        consumer = await connection.consumer(
            SERVICE,
            _verifier(settings, clients).handle,
            topics=(CHAIN,),
            delays=settings.delays,
            retries=settings.retries(max_in_flight=settings.verifier_in_flight),
        )
        _add_checks(process, consumer, clients)
        await _run(consumer, clients.finality, process.stop)


def _guards(settings: VerifierSettings, observer: Observer) -> Guards:
    return Guards(policy=settings.breaker_policy, observer=observer)


def _verifier(settings: VerifierSettings, clients: Clients) -> Verifier:
    return Verifier(
        Plan(clients, settings.rules),
        Examiner(now=_now),
        settings.waits,
        parse_address(settings.solana_authority),
        _now,
    )


def _now() -> datetime:
    return datetime.now(UTC)


async def _run(consumer: Consumer, finality: FinalityWatch, stop: asyncio.Event) -> None:
    """Consume until told to stop; a crash of the watch ends the consumer, too."""
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(finality.run())
        await consumer.run(stop)
        watching.cancel()


def _add_checks(process: Process, consumer: Consumer, clients: Clients) -> None:
    """Ready means: a member of the group, and chain and database answer."""
    process.health.add_check("kafka", consumer.readiness)
    process.health.add_check("solana", clients.chain.readiness)
    process.health.add_check("database", clients.records.readiness)


if __name__ == "__main__":
    run(SERVICE, VerifierSettings, serve)

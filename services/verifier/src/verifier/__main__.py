"""`python -m verifier`: puts the verifier together and runs it until told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime

import asyncpg
import httpx

from mint_chain.addresses import parse_address
from mint_events.bus import Consumer
from mint_events.topics import CHAIN
from mint_resilience.endpoint import Observer
from mint_runtime.connection import connected
from mint_runtime.service import Process, run
from verifier.database import RecordReader
from verifier.examination import Examiner
from verifier.finality import FinalityWatch
from verifier.gateways import PARTNER_GATEWAY, Gateways
from verifier.partner import Partner, PartnerEndpoint
from verifier.plan import Clients, Plan
from verifier.rpc import SolanaReader
from verifier.service import SERVICE, Verifier
from verifier.settings import VerifierSettings


async def serve(settings: VerifierSettings, process: Process) -> None:
    """Verify until `process.stop` is set."""
    async with (
        connected(settings, SERVICE) as connection,
        _clients(settings, connection.observer) as clients,
    ):
        verifier = Verifier(
            Plan(clients, settings.rules),
            Examiner(now=_now),
            settings.waits,
            parse_address(settings.solana_authority),
            _now,
        )
        consumer = await connection.consumer(
            SERVICE,
            verifier.handle,
            topics=(CHAIN,),
            delays=settings.delays,
            retries=settings.retries(max_in_flight=settings.verifier_in_flight),
        )
        _add_checks(process, consumer, clients)
        await _run(consumer, clients.finality, process.stop)


def _now() -> datetime:
    return datetime.now(UTC)


async def _run(consumer: Consumer, finality: FinalityWatch, stop: asyncio.Event) -> None:
    """Consume until told to stop; a crash of the watch ends the consumer, too."""
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(finality.run())
        await consumer.run(stop)
        watching.cancel()


@asynccontextmanager
async def _clients(settings: VerifierSettings, observer: Observer) -> AsyncIterator[Clients]:
    """The verifier's own clients; none of them connects before it is asked."""
    url = settings.database_read_url.get_secret_value()
    http = httpx.AsyncClient(timeout=settings.ipfs_check_timeout)
    pool = asyncpg.create_pool(url, min_size=0, max_size=settings.database_read_connections)
    rpc_urls = [address.url for address in settings.addresses]
    chain = SolanaReader(rpc_urls, timeout=settings.solana_check_timeout)
    gateways = Gateways(
        http,
        settings.ipfs_gateways,
        timeout=settings.ipfs_check_timeout,
        policy=settings.breaker_policy,
        observer=observer,
    )
    partners_gateways = Gateways(
        http,
        settings.partner_gateways or settings.ipfs_gateways,
        timeout=settings.partner_check_timeout,
        policy=settings.breaker_policy,
        observer=observer,
        dependency=PARTNER_GATEWAY,
        trustless=False,
    )
    async with http, pool, aclosing(chain):
        yield Clients(
            chain=chain,
            finality=FinalityWatch(chain, interval=settings.finality_interval),
            gateways=gateways,
            records=RecordReader(pool, url),
            partner=Partner(chain, partners_gateways),
            partner_endpoint=PartnerEndpoint(http),
        )


def _add_checks(process: Process, consumer: Consumer, clients: Clients) -> None:
    """Ready means: a member of the group, and chain and database answer."""
    process.health.add_check("kafka", consumer.readiness)
    process.health.add_check("solana", clients.chain.readiness)
    process.health.add_check("database", clients.records.readiness)


if __name__ == "__main__":
    run(SERVICE, VerifierSettings, serve)

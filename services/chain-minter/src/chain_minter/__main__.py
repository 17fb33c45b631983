"""The minter as a process: `python -m chain_minter`; its settings are environment variables."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any

from chain_minter.authority import Authorities
from chain_minter.clock import WallClock
from chain_minter.confirmation import Rules
from chain_minter.departure import SERVICE
from chain_minter.endpoints import DEPENDENCY, Endpoints, Patience
from chain_minter.fees import Pricing
from chain_minter.flight import Tools
from chain_minter.inflight import Inflight
from chain_minter.rpc import Endpoint
from chain_minter.service import Minter
from chain_minter.settings import MinterSettings
from chain_minter.signing import Signer, UnitLimits
from chain_minter.solana import Solana
from chain_minter.transport import HttpTransport
from chain_minter.watch import Rules as WatchRules
from chain_minter.watch import Watch
from mint_events.admin import ensure_topics, require_alike
from mint_events.bus import Publisher, latest_by_key
from mint_events.catalogue import Layer
from mint_events.topics import HEALTH, INFLIGHT, LEDGER
from mint_resilience.backoff import SUBMIT
from mint_resilience.endpoint import Endpoint as PoolEndpoint
from mint_resilience.endpoint import Observer
from mint_resilience.endpoints import EndpointPool
from mint_runtime.connection import connected
from mint_runtime.layer_reports import LayerReports, Speaker
from mint_runtime.service import Process, run

_LONGEST_WAIT = 8.0  # seconds; CH-3: 2, 4, 8


async def serve(settings: MinterSettings, process: Process) -> None:
    """Put the parts together and consume until told to stop."""
    async with _transport(settings) as transport, connected(settings, SERVICE) as connection:
        authorities = settings.authorities()
        endpoints = _endpoints(settings, transport, connection.observer)
        watch = _watch(settings, endpoints, authorities)
        tools = _tools(settings, endpoints, authorities, watch)
        await ensure_topics(connection.cluster, [LEDGER, INFLIGHT, HEALTH])
        await require_alike(connection.cluster, [LEDGER, INFLIGHT])
        read = partial(latest_by_key, connection.cluster, connection.codec, INFLIGHT)
        inflight = Inflight(read, connection.publisher)
        consumer = await connection.consumer(
            SERVICE,
            Minter(tools, inflight).handle,
            topics=(LEDGER,),
            retries=settings.retries(
                max_in_flight=settings.mints_in_flight,
                retry_base=SUBMIT.base,
                retry_ceiling=_LONGEST_WAIT,
            ),
            on_assigned=inflight.load,
            on_revoked=inflight.unload,
        )
        process.health.add_check("kafka", consumer.readiness)
        process.health.add_check("solana", watch.readiness)
        reports = _reports(settings, connection.publisher)
        looking = watch.run(
            hold=consumer.pause,
            release=consumer.resume,
            tell=lambda fault: reports.tell(fault, watch.funded),
        )
        async with _beside(looking), _beside(reports.run(process.stop)):
            await consumer.run(process.stop)


def _reports(settings: MinterSettings, publisher: Publisher) -> LayerReports:
    speaker = Speaker(layer=Layer.SOLANA, service=SERVICE, instance=settings.service_instance)
    return LayerReports(speaker, publisher, settings, lambda: datetime.now(UTC))


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Let the work go on for as long as the block does; if it fails, the block fails."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(work)
        yield
        task.cancel()


def _endpoints(settings: MinterSettings, transport: HttpTransport, observer: Observer) -> Endpoints:
    rated = zip(settings.addresses, settings.rates, strict=True)
    pool = EndpointPool(
        DEPENDENCY,
        [
            PoolEndpoint(
                name=address.name, target=Endpoint(address, transport), priority=place, rate=rate
            )
            for place, (address, rate) in enumerate(rated)
        ],
        clock=monotonic,
        policy=settings.breaker_policy,
        observer=observer,
        time_limit=settings.solana_rpc_seconds,
    )
    return Endpoints(pool, Patience(read_seconds=settings.solana_read_seconds))


def _watch(settings: MinterSettings, endpoints: Endpoints, authorities: Authorities) -> Watch:
    rules = WatchRules(
        seconds=settings.solana_look_seconds,
        most_slot_age=settings.solana_slot_age_seconds,
        least_lamports=settings.solana_least_lamports,
    )
    payers = [authority.address for authority in authorities.values()]
    return Watch(endpoints, payers, rules, clock=monotonic)


def _tools(
    settings: MinterSettings, endpoints: Endpoints, authorities: Authorities, watch: Watch
) -> Tools:
    rules = _rules(settings)
    chain = Solana(
        endpoints,
        witnesses=rules.witnesses,
        sendings_per_endpoint=settings.solana_sendings_per_endpoint,
    )
    limits = UnitLimits(
        chain, margin=settings.solana_unit_margin, fallback=settings.solana_unit_fallback
    )
    return Tools(
        chain=chain,
        signer=Signer(authorities, chain, _pricing(settings), limits, watch),
        clock=WallClock(settings.solana_poll_seconds),
        rules=rules,
    )


def _pricing(settings: MinterSettings) -> Pricing:
    return Pricing(
        percentile=settings.solana_fee_percentile,
        floor=settings.solana_fee_floor,
        cap=settings.solana_fee_cap,
    )


def _rules(settings: MinterSettings) -> Rules:
    return Rules(
        max_signatures=settings.solana_max_signatures,
        resend=timedelta(seconds=settings.solana_resend_seconds),
        patience=timedelta(seconds=settings.solana_patience_seconds),
        witnesses=min(settings.solana_witnesses, len(settings.solana_rpc_urls)),
        max_lag=settings.solana_max_lag_blocks,
    )


def _transport(settings: MinterSettings) -> HttpTransport:
    return HttpTransport(
        seconds=settings.solana_rpc_seconds, connections=settings.solana_rpc_connections
    )


if __name__ == "__main__":
    run(SERVICE, MinterSettings, serve)

"""The minter as a process: `python -m chain_minter`; its settings are environment variables."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial

from chain_minter.authority import Authority
from chain_minter.clock import WallClock
from chain_minter.confirmation import Rules
from chain_minter.endpoints import Endpoints
from chain_minter.fees import Pricing
from chain_minter.flight import Tools
from chain_minter.inflight import Inflight
from chain_minter.rpc import Endpoint
from chain_minter.service import SERVICE, Minter
from chain_minter.settings import MinterSettings
from chain_minter.signing import Signer, UnitLimits
from chain_minter.solana import Solana
from chain_minter.transport import HttpTransport
from mint_events.bus import Consumer, Limits, Publisher, latest_by_key
from mint_events.codec import Codec
from mint_events.registry import SchemaRegistry
from mint_events.topics import INFLIGHT, LEDGER
from mint_runtime.service import Process, run


async def serve(settings: MinterSettings, process: Process) -> None:
    """Put the parts together and consume until told to stop."""
    async with AsyncExitStack() as stack:
        transport = await stack.enter_async_context(_transport(settings))
        authority = settings.authority()
        endpoints = Endpoints([Endpoint(url, transport) for url in settings.solana_rpc_urls])
        chain = Solana(endpoints, payer=authority.address)
        tools = _tools(settings, authority, chain)
        codec = _codec(settings, stack)
        publisher = await stack.enter_async_context(Publisher(settings.cluster, codec))
        inflight = Inflight(partial(latest_by_key, settings.cluster, codec, INFLIGHT), publisher)
        consumer = Consumer(
            settings.cluster,
            topics=(LEDGER,),
            group=SERVICE,
            handler=Minter(tools, inflight).handle,
            publisher=publisher,
            codec=codec,
            limits=Limits(max_in_flight=settings.mints_in_flight),
            on_assigned=inflight.load,
            on_revoked=inflight.unload,
        )
        process.health.add_check("kafka", consumer.readiness)
        process.health.add_check("solana", chain.unreachable)
        await consumer.run(process.stop)


def _tools(settings: MinterSettings, authority: Authority, chain: Solana) -> Tools:
    limits = UnitLimits(
        chain, margin=settings.solana_unit_margin, fallback=settings.solana_unit_fallback
    )
    return Tools(
        chain=chain,
        signer=Signer(authority, chain, _pricing(settings), limits),
        clock=WallClock(settings.solana_poll_seconds),
        rules=_rules(settings),
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


def _codec(settings: MinterSettings, stack: AsyncExitStack) -> Codec:
    if settings.schema_registry_url is None:
        return Codec()
    registry = SchemaRegistry(settings.schema_registry_url)
    stack.push_async_callback(registry.close)
    return Codec(registry)


if __name__ == "__main__":
    run(SERVICE, MinterSettings, serve)

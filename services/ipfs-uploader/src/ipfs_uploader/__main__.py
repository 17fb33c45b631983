"""The uploader as a process: `python -m ipfs_uploader`; its settings are environment variables."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import httpx

from ipfs_uploader.kubo import Kubo
from ipfs_uploader.pinata import Pinata
from ipfs_uploader.pinning import Pinning
from ipfs_uploader.provider import Provider
from ipfs_uploader.readiness import Remembered
from ipfs_uploader.service import SERVICE, Uploader
from ipfs_uploader.settings import UploaderSettings
from mint_content.gateway import DEFAULT_SIZE_LIMIT, GatewayPool
from mint_events.bus import Cluster, Consumer, Limits, Publisher
from mint_events.codec import Codec
from mint_events.registry import SchemaRegistry
from mint_events.topics import LEDGER
from mint_runtime.service import Process, run

_CALLS_PER_MINT = 2
"""Image and metadata are worked on at the same time."""


async def serve(settings: UploaderSettings, process: Process) -> None:
    """Put the parts together and consume until told to stop."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(_http_client(settings))
        pinning = _pinning(settings, http)
        codec = _codec(settings, stack)
        cluster = Cluster(brokers=settings.kafka_brokers, prefix=settings.kafka_topic_prefix)
        publisher = await stack.enter_async_context(Publisher(cluster, codec))
        consumer = Consumer(
            cluster,
            topics=(LEDGER,),
            group=SERVICE,
            handler=Uploader(pinning, settings.image_max_bytes, lambda: datetime.now(UTC)).handle,
            publisher=publisher,
            codec=codec,
            limits=Limits(max_in_flight=settings.uploads_in_flight),
        )
        process.health.add_check("kafka", consumer.readiness)
        process.health.add_check("ipfs", _readiness(settings, pinning))
        await consumer.run(process.stop)


def _http_client(settings: UploaderSettings) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        timeout=httpx.Timeout(settings.ipfs_seconds, connect=min(5.0, settings.ipfs_seconds)),
        limits=httpx.Limits(max_connections=_CALLS_PER_MINT * settings.uploads_in_flight),
    )


def _pinning(settings: UploaderSettings, http: httpx.AsyncClient) -> Pinning:
    gateways = GatewayPool(
        http,
        settings.ipfs_gateways,
        time_limit=settings.ipfs_seconds,
        size_limit=max(settings.image_max_bytes, DEFAULT_SIZE_LIMIT),
    )
    return Pinning(_providers(settings, http), gateways, settings.backoff)


def _providers(settings: UploaderSettings, http: httpx.AsyncClient) -> tuple[Provider, ...]:
    primary = Pinata(
        http,
        api_url=settings.pinata_api_url,
        upload_url=settings.pinata_upload_url,
        jwt=settings.pinata_jwt.get_secret_value(),
    )
    if settings.kubo_rpc_url is None:
        return (primary,)
    return (primary, Kubo(http, rpc_url=settings.kubo_rpc_url))


def _codec(settings: UploaderSettings, stack: AsyncExitStack) -> Codec:
    if settings.schema_registry_url is None:
        return Codec()
    registry = SchemaRegistry(settings.schema_registry_url)
    stack.push_async_callback(registry.close)
    return Codec(registry)


def _readiness(settings: UploaderSettings, pinning: Pinning) -> Remembered:
    return Remembered(pinning.unreachable, seconds=settings.readiness_seconds, clock=time.monotonic)


if __name__ == "__main__":
    run(SERVICE, UploaderSettings, serve)

"""The uploader as a process: `python -m ipfs_uploader`; its settings are environment variables."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx

from ipfs_uploader.batches import Batches
from ipfs_uploader.claims import Claims, KafkaJournal
from ipfs_uploader.folder_records import NEWEST, KafkaFolders
from ipfs_uploader.guarded import guarded
from ipfs_uploader.health import watch
from ipfs_uploader.local_copies import RecordedDocuments
from ipfs_uploader.pinning import Pinning
from ipfs_uploader.providers import providers_of
from ipfs_uploader.repinning import Repinning
from ipfs_uploader.service import SERVICE, Pinner, Uploader
from ipfs_uploader.settings import UploaderSettings
from ipfs_uploader.together import BatchedPinning, Together
from ipfs_uploader.upstream_media import UpstreamMedia
from mint_content.accepted import LARGEST_BYTES
from mint_content.cache import ContentCache, FolderCache, MemoryCache
from mint_content.gateway import GatewayPool
from mint_content.source import LocalCopies
from mint_content.web import WebFetcher, WebPolicy, trust, web_client
from mint_events.admin import ensure_topics
from mint_events.bus import CompactedTopic, Publisher
from mint_events.catalogue import Layer
from mint_events.topics import CLAIMS, FOLDERS, HEALTH, LEDGER, UNPINS
from mint_resilience.endpoint import Observer
from mint_runtime.connection import Connection, connected
from mint_runtime.layer_reports import LayerReports, Speaker
from mint_runtime.service import Process, run

_CALLS_PER_MINT = 3
"""Image, animation and metadata are worked on at the same time."""

_DATABASE_CONNECTIONS = 2


async def serve(settings: UploaderSettings, process: Process) -> None:
    """Put the parts together and consume until told to stop."""
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(connected(settings, SERVICE))
        pinning = await _pinning(settings, stack, connection.observer)
        await ensure_topics(connection.cluster, [CLAIMS, UNPINS, FOLDERS, HEALTH])
        claims = Claims(await _journal(connection, stack), _now)
        pinner = await _pinner(settings, connection, stack, pinning)
        uploader = await _uploader(settings, stack, pinner, pinning, claims)
        mints = await connection.consumer(
            SERVICE,
            uploader.handle,
            topics=(LEDGER,),
            retries=settings.retries(max_in_flight=settings.uploads_in_flight),
        )
        # What was put off has a small share of its own.
        later = await connection.consumer(
            f"{SERVICE}.later",
            uploader.handle,
            topics=(),
            delays=tuple(dict.fromkeys((*settings.repin_waits, settings.media_retry))),
            service=SERVICE,
            retries=settings.retries(max_in_flight=settings.repins_in_flight),
        )
        reports = _reports(settings, connection.publisher)
        health = watch(
            pinning.providers,
            reports.tell,
            seconds=settings.readiness_seconds,
            deadline=settings.readiness_look_seconds,
        )
        process.health.add_check("kafka", mints.readiness)
        process.health.add_check("kafka-delayed", later.readiness)
        process.health.add_check("ipfs", health.readiness)
        await _run(process.stop, mints.run, later.run, health.run, reports.run)


def _now() -> datetime:
    return datetime.now(UTC)


async def _run(
    stop: asyncio.Event, *parts: Callable[[asyncio.Event], Coroutine[Any, Any, None]]
) -> None:
    """Run until told to stop; what one of them can not bear ends all."""
    async with asyncio.TaskGroup() as tasks:
        for part in parts:
            tasks.create_task(part(stop))


def _reports(settings: UploaderSettings, publisher: Publisher) -> LayerReports:
    speaker = Speaker(layer=Layer.IPFS, service=SERVICE, instance=settings.service_instance)
    return LayerReports(speaker, publisher, settings, _now)


async def _journal(connection: Connection, stack: AsyncExitStack) -> KafkaJournal:
    cluster, codec = connection.cluster, connection.codec
    unpins = await stack.enter_async_context(CompactedTopic(cluster, codec, UNPINS))
    return KafkaJournal(cluster, codec, connection.publisher, unpins)


async def _pinning(
    settings: UploaderSettings, stack: AsyncExitStack, observer: Observer
) -> Pinning:
    http = await stack.enter_async_context(_http_client(settings))
    gateways = GatewayPool(
        http,
        settings.ipfs_gateways,
        time_limit=settings.ipfs_seconds,
        policy=settings.breaker_policy,
        observer=observer,
    )
    providers = guarded(
        providers_of(settings, http), breaker=settings.breaker_policy, observer=observer
    )
    return Pinning(
        providers,
        gateways,
        settings.backoff,
        settings.ipfs_replicas,
        _cache(settings),
        await _local_copies(settings, stack),
    )


def _cache(settings: UploaderSettings) -> ContentCache:
    if settings.content_cache_folder is None:
        return MemoryCache(settings.content_cache_bytes)
    return FolderCache(settings.content_cache_folder, settings.content_cache_bytes)


async def _local_copies(settings: UploaderSettings, stack: AsyncExitStack) -> LocalCopies | None:
    """The database, to which nothing connects before it is needed."""
    if settings.database_read_url is None:
        return None
    url = settings.database_read_url.get_secret_value()
    pool = asyncpg.create_pool(url, min_size=0, max_size=_DATABASE_CONNECTIONS)
    return RecordedDocuments(await stack.enter_async_context(pool), url)


def _http_client(settings: UploaderSettings) -> httpx.AsyncClient:
    at_once = settings.uploads_in_flight + settings.repins_in_flight
    return httpx.AsyncClient(
        timeout=httpx.Timeout(settings.ipfs_seconds, connect=min(5.0, settings.ipfs_seconds)),
        limits=httpx.Limits(max_connections=_CALLS_PER_MINT * at_once),
    )


async def _pinner(
    settings: UploaderSettings, connection: Connection, stack: AsyncExitStack, pinning: Pinning
) -> Pinner:
    if settings.ipfs_batch_items == 1:
        return pinning
    topic = CompactedTopic(connection.cluster, connection.codec, FOLDERS, newest=NEWEST)
    folders = await stack.enter_async_context(topic)
    records = KafkaFolders(connection.publisher, folders, _now)
    together = Together(
        pinning=pinning,
        records=records,
        attempts=settings.retry_budget_attempts,
        seconds=settings.retry_budget_seconds,
    )
    batches = Batches(together.keep_all, settings.batch_limits)
    return BatchedPinning(pinning, await stack.enter_async_context(batches))


async def _uploader(
    settings: UploaderSettings,
    stack: AsyncExitStack,
    pinner: Pinner,
    pinning: Pinning,
    claims: Claims,
) -> Uploader:
    client = web_client(
        time_limit=settings.image_url_seconds, verify=trust(settings.image_url_ca_path)
    )
    web = await stack.enter_async_context(client)
    media = UpstreamMedia(
        pinning=pinning,
        web=WebFetcher(web, _web_policy(settings)),
        accepted=settings.accepted_media,
        patience=settings.image_url_patience_seconds,
    )
    return Uploader(
        pinner=pinner,
        pinning=pinning,
        media=media,
        claims=claims,
        repinning=Repinning(pinning, settings.repin_waits),
        media_retry=settings.media_retry,
        now=_now,
    )


def _web_policy(settings: UploaderSettings) -> WebPolicy:
    return WebPolicy(
        size_limit=LARGEST_BYTES,
        time_limit=settings.image_url_seconds,
        redirects=settings.image_url_redirects,
        schemes=tuple(settings.image_url_schemes.split(",")),
        allowed_hosts=settings.image_url_allowed_hosts,
    )


if __name__ == "__main__":
    run(SERVICE, UploaderSettings, serve)

"""The sandbox's IPFS network with its calls counted and, where a test wants it, misbehaving."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from ipfs_uploader.claims import Claims
from ipfs_uploader.folder import Folder
from ipfs_uploader.guarded import guarded
from ipfs_uploader.kubo import Kubo
from ipfs_uploader.pinata import Pinata, PinataAccount
from ipfs_uploader.pinata_v2 import PinataV2
from ipfs_uploader.pinning import Pinning
from ipfs_uploader.pinning_service import PinningService
from ipfs_uploader.repinning import Repinning
from ipfs_uploader.service import Uploader
from ipfs_uploader.upstream_media import UpstreamMedia
from mint_content.accepted import AcceptedMedia
from mint_content.gateway import GatewayPool
from mint_content.web import WebFetcher, WebPolicy, web_client
from mint_events.admin import ensure_topics
from mint_events.bus import Cluster, Publisher, Wait
from mint_events.catalogue import AssetsClaimed, Event, FolderBegun, UnpinBegun
from mint_events.codec import Codec
from mint_events.envelope import Envelope
from mint_resilience.backoff import Backoff
from mint_sandbox.ipfs.server import IpfsEndpoints, running
from mint_sandbox.kafka import KafkaCluster

Fault = Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]

IMPATIENT = Backoff(attempts=2, base=0.0)
IMAGE_LIMIT = 1024 * 1024
NOW = datetime(2026, 11, 23, tzinfo=UTC)


@dataclass
class Network:
    """Addresses of the network, what it was asked, and its present faults by endpoint."""

    calls: list[str] = field(default_factory=list)
    faults: dict[str, Fault] = field(default_factory=dict)
    endpoints: IpfsEndpoints = field(init=False)

    def around(self, endpoint: str) -> Sequence[Middleware]:
        @web.middleware
        async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
            self.calls.append(f"{endpoint} {request.method} {request.path}")
            fault = self.faults.get(endpoint)
            return await (fault(request, handler) if fault else handler(request))

        return [counted]

    def fail(self, endpoint: str, fault: str) -> None:
        self.faults[endpoint] = FAULTS[fault]

    def fail_once(self, endpoint: str, path: str, fault: str) -> None:
        self.faults[endpoint] = Once(path, FAULTS[fault])

    def uploads(self, endpoint: str) -> int:
        path = {"pinata": "POST /v3/files", "kubo": "POST /api/v0/add"}[endpoint]
        return self.calls.count(f"{endpoint} {path}")


class MemoryJournal:
    """The journal of one process that never restarts."""

    def __init__(self) -> None:
        self._claims: dict[str, Event] = {}
        self._unpins: dict[str, Event] = {}
        self._folders: dict[str, FolderBegun] = {}

    async def write(self, envelope: Envelope) -> None:
        match envelope.event:
            case AssetsClaimed() as claim:
                self._claims[claim.mint_id] = claim
            case UnpinBegun() as unpin:
                self._unpins[unpin.mint_id] = unpin

    def forget(self, mint_id: str) -> None:
        """Remove a mint's claim, as its tombstone does."""
        self._claims.pop(mint_id, None)

    async def end_unpin(self, mint_id: str) -> None:
        self._unpins.pop(mint_id, None)

    async def claims(self) -> Collection[Event]:
        return list(self._claims.values())

    async def unpins(self) -> Collection[Event]:
        return list(self._unpins.values())

    async def begin(self, folder: Folder) -> None:
        cids = tuple(str(content.cid) for content in folder.contents)
        self._folders[str(folder.cid)] = FolderBegun(mint_id=str(folder.cid), cids=cids)

    async def recent(self) -> Collection[FolderBegun]:
        return list(self._folders.values())

    async def folders(self) -> Collection[Event]:
        return await self.recent()

    async def end_folder(self, root: str) -> None:
        self._folders.pop(root, None)


@pytest.fixture
async def cluster(kafka: KafkaCluster, topic_prefix: str) -> Cluster:
    """Topics of the test's own."""
    cluster = Cluster(brokers=tuple(kafka.brokers.split(",")), prefix=topic_prefix)
    await ensure_topics(cluster, replication=1)
    return cluster


@pytest.fixture
async def publisher(cluster: Cluster) -> AsyncIterator[Publisher]:
    async with Publisher(cluster, Codec()) as publisher:
        yield publisher


@pytest.fixture
async def network() -> AsyncIterator[Network]:
    network = Network()
    async with running(around=network.around) as network.endpoints:
        yield network


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


@pytest.fixture
def account(network: Network, http: httpx.AsyncClient) -> PinataAccount:
    endpoints = network.endpoints
    return PinataAccount(
        client=http,
        api_url=endpoints.pinata_api,
        upload_url=endpoints.pinata_upload,
        jwt=endpoints.pinata_jwt,
        now=time.time,
    )


@pytest.fixture
def pinata(account: PinataAccount) -> Pinata:
    return Pinata(account)


@pytest.fixture
def pinata_v2(account: PinataAccount) -> PinataV2:
    return PinataV2(account)


@pytest.fixture
def kubo(network: Network, http: httpx.AsyncClient) -> Kubo:
    return Kubo(http, rpc_url=network.endpoints.kubo_rpc)


@pytest.fixture
def psa(network: Network, http: httpx.AsyncClient) -> PinningService:
    endpoints = network.endpoints
    return PinningService(http, url=endpoints.pinning_service, token=endpoints.pinata_jwt)


@pytest.fixture
def pinning(network: Network, http: httpx.AsyncClient, pinata: Pinata, kubo: Kubo) -> Pinning:
    gateways = GatewayPool(http, network.endpoints.gateways, size_limit=IMAGE_LIMIT)
    return Pinning(guarded((pinata, kubo)), gateways, IMPATIENT)


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal()


@pytest.fixture
async def uploader(pinning: Pinning, journal: MemoryJournal) -> AsyncIterator[Uploader]:
    async with web_client(time_limit=5.0) as web:
        fetcher = WebFetcher(web, WebPolicy(size_limit=IMAGE_LIMIT, time_limit=5.0, redirects=3))
        media = UpstreamMedia(
            pinning=pinning,
            web=fetcher,
            accepted=AcceptedMedia(image_max_bytes=IMAGE_LIMIT, animation_max_bytes=IMAGE_LIMIT),
            patience=3600.0,
        )
        yield Uploader(
            pinner=pinning,
            pinning=pinning,
            media=media,
            claims=Claims(journal, lambda: NOW),
            repinning=Repinning(pinning, (Wait(60), Wait(600))),
            media_retry=Wait(60),
            now=lambda: NOW,
        )


async def broken(_: web.Request, __: Handler) -> web.StreamResponse:
    return web.Response(status=503, text="broken")


async def missing(_: web.Request, __: Handler) -> web.StreamResponse:
    return web.Response(status=404, text="not here")


async def locked(_: web.Request, __: Handler) -> web.StreamResponse:
    return web.Response(status=401, text="who are you?")


async def wrong_body(_: web.Request, __: Handler) -> web.StreamResponse:
    return web.Response(text="<html>Please sign in</html>")


async def reply_lost(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The effect happens; the client does not hear of it."""
    await handler(request)
    if request.method == "GET":
        return await handler(request)
    return web.Response(status=502, text="upstream went away")


_UPLOADS = ("/files", "/add", "/pinFileToIPFS")


async def other_name(request: web.Request, handler: Handler) -> web.StreamResponse:
    """An upload is answered with the CID of something else."""
    if request.method == "GET" or not request.path.endswith(_UPLOADS):
        return await handler(request)
    cid = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
    return web.json_response({"data": {"id": "1", "cid": cid}, "Hash": cid, "IpfsHash": cid})


class Once:
    """A fault of the first request to one path only."""

    def __init__(self, path: str, fault: Fault) -> None:
        self._path = path
        self._fault = fault
        self._done = False

    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self._done or request.path != self._path:
            return await handler(request)
        self._done = True
        return await self._fault(request, handler)


async def documents_refused(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Uploads of less than 2 KB are refused."""
    small = (request.content_length or 0) < 2000
    if request.method == "POST" and small:
        return await missing(request, handler)
    return await handler(request)


FAULTS: dict[str, Fault] = {
    "broken": broken,
    "missing": missing,
    "locked": locked,
    "wrong body": wrong_body,
    "reply lost": reply_lost,
    "other name": other_name,
    "documents refused": documents_refused,
}

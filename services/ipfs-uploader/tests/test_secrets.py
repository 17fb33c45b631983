"""Keys and passwords in the URLs of providers and gateways show in no text, log line or event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest
from structlog.testing import capture_logs

from ipfs_uploader.assets import Content
from ipfs_uploader.folder import folder_of
from ipfs_uploader.guarded import guarded
from ipfs_uploader.health import layer_health
from ipfs_uploader.kubo import Kubo
from ipfs_uploader.pinata import Pinata, PinataAccount
from ipfs_uploader.pinata_v2 import PinataV2
from ipfs_uploader.pinning import Pinning
from ipfs_uploader.pinning_service import PinningService
from ipfs_uploader.provider import Provider
from ipfs_uploader.repinning import Repinning
from mint_content.gateway import GatewayPool
from mint_content.unixfs import cid_of
from mint_events.bus import Wait
from mint_events.catalogue import PinnedAsset, RepinDue
from mint_resilience.backoff import Backoff
from mint_resilience.failures import Failure

if TYPE_CHECKING:
    from conftest import Network

SECRET = "hunter2hunter2"
NOBODY = "127.0.0.1:1"
ONCE = Backoff(attempts=1, base=0.0)
CONTENT = Content("m-1.json", "application/json", b"{}", cid_of(b"{}"))
OTHER = Content("m-2.json", "application/json", b"{ }", cid_of(b"{ }"))
FAULTS = ("broken", "locked", "missing", "wrong body", "other name", "refused")


def with_login(url: str, fault: str) -> str:
    """The URL with a password in it, of who is there or of nobody."""
    host = NOBODY if fault == "refused" else url.removeprefix("http://")
    return f"http://user:{SECRET}@{host}"


@pytest.fixture(params=FAULTS)
def fault(request: pytest.FixtureRequest, network: Network) -> str:
    fault = str(request.param)
    if fault != "refused":
        for endpoint in ("pinata", "kubo", "psa", "gateway"):
            network.fail(endpoint, fault)
    return fault


@pytest.fixture
def providers(
    network: Network, http: httpx.AsyncClient, account: PinataAccount, fault: str
) -> tuple[Provider, ...]:
    there = network.endpoints
    account = replace(
        account,
        api_url=with_login(account.api_url, fault),
        upload_url=with_login(account.upload_url, fault),
    )
    psa = with_login(there.pinning_service, fault)
    return (
        Pinata(account),
        PinataV2(account),
        Kubo(http, rpc_url=with_login(there.kubo_rpc, fault)),
        PinningService(http, url=psa, token="token"),
    )


@pytest.fixture
def pinning(
    network: Network, http: httpx.AsyncClient, providers: tuple[Provider, ...], fault: str
) -> Pinning:
    gateways = [with_login(url, fault) for url in network.endpoints.gateways]
    return Pinning(guarded(providers), GatewayPool(http, gateways), ONCE)


def texts(failure: BaseException | None) -> Iterator[str]:
    """All that a failure, and what led to it, says."""
    while failure is not None:
        yield f"{failure} {getattr(failure, 'endpoint', '')}"
        failure = failure.__cause__


@pytest.mark.requirement("NR-1", "CF-1")
async def test_no_failure_of_a_provider_shows_the_password_in_its_url(
    providers: tuple[Provider, ...],
) -> None:
    told: list[str] = []
    for provider in providers:
        for call in (
            provider.check(),
            provider.holds(CONTENT.cid),
            provider.keep(CONTENT),
            provider.keep(folder_of([CONTENT, OTHER])),
            provider.adopt(CONTENT.cid, "m-1"),
            provider.unpin(CONTENT.cid),
        ):
            try:
                await call
            except Failure as failure:
                told += texts(failure)
    assert told
    assert [text for text in told if SECRET in text] == []


@pytest.mark.requirement("NR-1", "CF-1", "OB-1")
async def test_log_lines_reports_and_events_show_class_and_host_and_no_password(
    pinning: Pinning,
) -> None:
    asset = PinnedAsset(
        cid=str(CONTENT.cid), uri="", media_type="", size=2, sha256="", providers=("kubo",)
    )
    due = RepinDue(mint_id="m-1", image=asset, metadata=asset, round=0)
    told: list[str] = []
    with capture_logs() as lines:
        for call in (
            pinning.pin(CONTENT),
            pinning.fetch(CONTENT.cid),
            pinning.holders(CONTENT.cid),
            Repinning(pinning, (Wait(60),)).work(due),
            layer_health(pinning.providers, ONCE, deadline=30),
        ):
            try:
                told.append(repr(await call))
            except Failure as failure:
                told += texts(failure)
    assert [text for text in (*told, *map(str, lines)) if SECRET in text] == []
    failed = [line for line in lines if "detail" in line]
    assert failed
    assert [line for line in failed if not line.get("failure")] == []

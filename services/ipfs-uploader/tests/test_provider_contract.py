"""What every provider does, shown on each of them over HTTP."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from ipfs_uploader.assets import Content
from ipfs_uploader.folder import Folder, folder_of
from ipfs_uploader.kubo import Kubo
from ipfs_uploader.pinata import Pinata, PinataAccount
from ipfs_uploader.pinata_v2 import PinataV2
from ipfs_uploader.pinning_service import PinningService
from ipfs_uploader.provider import Provider
from mint_content.gateway import GatewayPool
from mint_content.unixfs import CHUNK_SIZE, cid_of
from mint_resilience.failures import Conflict, Failure, Outage, Permanent, Transient

if TYPE_CHECKING:
    from conftest import Network

LARGE_DATA = bytes(CHUNK_SIZE) * 3 + b"end"
LARGE = Content("large", "image/png", LARGE_DATA, cid_of(LARGE_DATA))
DATA = bytes(range(256)) * 4
CONTENT = Content("m/1.png", "image/png", DATA, cid_of(DATA))


def server_of(provider: Provider) -> str:
    """The sandbox's endpoint that the provider talks to."""
    return provider.name.removesuffix("-v2")


@pytest.fixture(params=["pinata", "pinata-v2", "kubo", "psa"])
def provider(
    request: pytest.FixtureRequest,
    pinata: Pinata,
    pinata_v2: PinataV2,
    kubo: Kubo,
    psa: PinningService,
) -> Provider:
    providers: dict[str, Provider] = {p.name: p for p in (pinata, pinata_v2, kubo, psa)}
    return providers[request.param]


@pytest.fixture
def first(kubo: Kubo) -> Provider:
    """Who has content before the provider under test is asked for it, where that matters."""
    return kubo


async def keep(provider: Provider, first: Provider, content: Content | Folder) -> None:
    """Let the provider keep the content; who takes no bytes finds it elsewhere."""
    if not provider.takes_bytes:
        await first.keep(content)
    await provider.keep(content)


@pytest.mark.requirement("IP-1", "IP-2")
async def test_uploaded_content_is_held_and_can_be_retrieved(
    provider: Provider, first: Provider, network: Network, http: httpx.AsyncClient
) -> None:
    assert not await provider.holds(CONTENT.cid)

    await keep(provider, first, CONTENT)

    assert await provider.holds(CONTENT.cid)
    retrieval = await GatewayPool(http, network.endpoints.gateways).fetch(CONTENT.cid)
    assert retrieval.data == DATA


async def test_content_of_many_blocks_is_named_as_we_name_it(
    provider: Provider, first: Provider
) -> None:
    await keep(provider, first, LARGE)

    assert await provider.holds(LARGE.cid)


@pytest.mark.requirement("IP-2")
async def test_a_folder_is_held_by_its_root_with_all_that_is_in_it(
    provider: Provider, first: Provider, network: Network, http: httpx.AsyncClient
) -> None:
    folder = folder_of((CONTENT, LARGE))
    if isinstance(provider, PinataV2):
        with pytest.raises(Permanent, match="takes no folders"):
            await provider.keep(folder)
        return

    await keep(provider, first, folder)
    if provider is not first:
        await first.unpin(folder.cid)

    assert await provider.holds(folder.cid)
    assert not await provider.holds(CONTENT.cid)
    gateways = GatewayPool(http, network.endpoints.gateways)
    for content in folder.contents:
        assert (await gateways.fetch(content.cid)).data == content.data
    await provider.unpin(folder.cid)
    assert not await provider.holds(folder.cid)


async def test_the_same_upload_again_changes_nothing(provider: Provider, first: Provider) -> None:
    await keep(provider, first, CONTENT)
    await keep(provider, first, CONTENT)
    await provider.unpin(CONTENT.cid)

    assert not await provider.holds(CONTENT.cid)


async def test_unpinning_what_is_not_there_is_no_failure(provider: Provider) -> None:
    await provider.unpin(CONTENT.cid)

    assert not await provider.holds(CONTENT.cid)


async def test_a_provider_that_lets_us_in_passes_its_check(provider: Provider) -> None:
    await provider.check()


@pytest.mark.requirement("IP-2")
async def test_another_name_for_our_bytes_is_a_conflict(
    provider: Provider, network: Network
) -> None:
    if not provider.takes_bytes:
        pytest.skip("it is given no bytes that it could name")
    network.fail(server_of(provider), "other name")

    with pytest.raises(Conflict, match=str(CONTENT.cid)):
        await provider.keep(CONTENT)


@pytest.mark.requirement("NR-1")
@pytest.mark.parametrize(
    ("fault", "failure"), [("broken", Transient), ("locked", Outage), ("wrong body", Transient)]
)
async def test_every_call_to_a_faulty_provider_is_classified(
    provider: Provider, network: Network, fault: str, failure: type[Failure]
) -> None:
    network.fail(server_of(provider), fault)

    with pytest.raises(failure):
        await provider.keep(CONTENT)
    if fault != "wrong body":
        for call in (provider.holds(CONTENT.cid), provider.unpin(CONTENT.cid), provider.check()):
            with pytest.raises(failure):
                await call


@pytest.mark.requirement("NR-1")
async def test_a_provider_that_nobody_runs_is_an_outage(http: httpx.AsyncClient) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        account = PinataAccount(client=http, api_url=url, upload_url=url, jwt="t", now=time.time)
        for provider in (
            Pinata(account),
            PinataV2(account),
            Kubo(http, rpc_url=url),
            PinningService(http, url=url, token="t"),
        ):
            with pytest.raises(Outage):
                await provider.holds(CONTENT.cid)
            with pytest.raises(Outage):
                await provider.keep(CONTENT)

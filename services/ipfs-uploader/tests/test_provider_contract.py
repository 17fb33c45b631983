"""What every provider does, shown on each of them over HTTP."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from ipfs_uploader.assets import Content
from ipfs_uploader.kubo import Kubo
from ipfs_uploader.pinata import Pinata, PinataAccount
from ipfs_uploader.pinata_v2 import PinataV2
from ipfs_uploader.pinning_service import PinningService
from ipfs_uploader.provider import Provider
from mint_content.gateway import GatewayPool
from mint_content.unixfs import CHUNK_SIZE, cid_of
from mint_resilience.failures import Conflict, Failure, Outage, Transient

if TYPE_CHECKING:
    from conftest import Network

DATA = bytes(range(256)) * 4
CONTENT = Content("m/1.png", "image/png", DATA, cid_of(DATA))


def server_of(provider: Provider) -> str:
    """The sandbox's endpoint that the provider talks to."""
    return provider.name.removesuffix("-v2")


@pytest.fixture(params=["pinata", "pinata-v2", "kubo"])
def provider(
    request: pytest.FixtureRequest, pinata: Pinata, pinata_v2: PinataV2, kubo: Kubo
) -> Provider:
    providers: dict[str, Provider] = {p.name: p for p in (pinata, pinata_v2, kubo)}
    return providers[request.param]


@pytest.mark.requirement("IP-1", "IP-2")
async def test_uploaded_content_is_held_and_can_be_retrieved(
    provider: Provider, network: Network, http: httpx.AsyncClient
) -> None:
    assert not await provider.holds(CONTENT.cid)

    await provider.keep(CONTENT)

    assert await provider.holds(CONTENT.cid)
    retrieval = await GatewayPool(http, network.endpoints.gateways).fetch(CONTENT.cid)
    assert retrieval.data == DATA


async def test_content_of_many_blocks_is_named_as_we_name_it(provider: Provider) -> None:
    data = bytes(CHUNK_SIZE) * 3 + b"end"

    await provider.keep(Content("large", "image/png", data, cid_of(data)))

    assert await provider.holds(cid_of(data))


async def test_the_same_upload_again_changes_nothing(provider: Provider) -> None:
    await provider.keep(CONTENT)
    await provider.keep(CONTENT)
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

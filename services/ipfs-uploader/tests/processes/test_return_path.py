"""What only a backup kept during an outage is put back on the primary, through Kafka and kills."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from ipfs_uploader.pinata import Pinata
from mint_content.cid import Cid
from mint_events.bus import Cluster, Publisher
from mint_events.catalogue import AssetsPinned, AssetsRepinned
from mint_events.topics import IPFS
from mint_sandbox.process import ChildProcess

from .running import accepted, environment, first, service

if TYPE_CHECKING:
    from conftest import Network


@asynccontextmanager
async def uploader(cluster: Cluster, network: Network, folder: Path) -> AsyncIterator[ChildProcess]:
    """One that gives a provider up at once, and looks again after a second."""
    env = environment(
        cluster,
        network.endpoints,
        IPFS_ATTEMPTS="1",
        IPFS_BACKOFF_SECONDS="0",
        REPIN_SECONDS="1",
        BREAKER_PROBE_SECONDS="1",
    )
    async with service(env, folder) as child:
        yield child


class Stuck:
    """Uploads take effect and are never answered."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.released = asyncio.Event()

    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if request.method == "POST":
            self.reached.set()
            await self.released.wait()
        return response


async def assert_put_back(cluster: Cluster, pinata: Pinata, pinned: AssetsPinned) -> None:
    repinned = await first(cluster, IPFS, AssetsRepinned, pinned.mint_id)
    assert repinned.image.providers == repinned.metadata.providers == ("pinata", "kubo")
    for asset in (pinned.image, pinned.metadata):
        assert await pinata.holds(Cid.parse(asset.cid))


@pytest.mark.requirement("IP-3", "NR-6")
async def test_the_work_waits_in_kafka_while_no_process_runs(
    cluster: Cluster, publisher: Publisher, network: Network, pinata: Pinata, tmp_path: Path
) -> None:
    network.fail("pinata", "broken")
    async with uploader(cluster, network, tmp_path) as child:
        await publisher.publish(accepted("m-1"))
        pinned = await first(cluster, IPFS, AssetsPinned, "m-1")
        await child.kill()
    assert pinned.image.providers == pinned.metadata.providers == ("kubo",)

    network.faults.clear()
    async with uploader(cluster, network, tmp_path):
        await assert_put_back(cluster, pinata, pinned)


@pytest.mark.requirement("IP-2", "IP-3")
async def test_a_kill_in_the_middle_of_an_upload_neither_loses_nor_repeats_it(
    cluster: Cluster, publisher: Publisher, network: Network, pinata: Pinata, tmp_path: Path
) -> None:
    network.fail("pinata", "broken")
    stuck = Stuck()
    async with uploader(cluster, network, tmp_path) as child:
        await publisher.publish(accepted("m-1"))
        pinned = await first(cluster, IPFS, AssetsPinned, "m-1")
        network.calls.clear()
        network.faults["pinata"] = stuck
        await stuck.reached.wait()
        await child.kill()
    stuck.released.set()

    async with uploader(cluster, network, tmp_path):
        await assert_put_back(cluster, pinata, pinned)

    assert network.uploads("pinata") == 2

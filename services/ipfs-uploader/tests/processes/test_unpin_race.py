"""A mint that comes while its image is unpinned for another one can not lose its pin (MF-9)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler
from aiokafka.partitioner import DefaultPartitioner

from ipfs_uploader.pinata import Pinata
from mint_content.unixfs import cid_of
from mint_events.admin import DEFAULT_PARTITIONS
from mint_events.bus import Cluster, Publisher
from mint_events.catalogue import AssetsClaimed, AssetsPinned, AssetsUnpinned, UnpinRequested
from mint_events.topics import CLAIMS, IPFS

from .running import PNG, accepted, environment, first, sent, service

if TYPE_CHECKING:
    from conftest import Network

IMAGE = str(cid_of(PNG))


class HeldDelete:
    """Pinata gets to know of a deletion, and carries it out when the test says so."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.released = asyncio.Event()

    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method == "DELETE":
            self.reached.set()
            await self.released.wait()
        return await handler(request)


def mint_ids_of_different_processes() -> Sequence[str]:
    """Two whose partitions are the first and the last: ranges give them to different members."""
    partitions = list(range(DEFAULT_PARTITIONS))
    choose = DefaultPartitioner()
    names = {choose(f"m-{n}".encode(), partitions, partitions): f"m-{n}" for n in range(100)}
    return names[partitions[0]], names[partitions[-1]]


@pytest.mark.requirement("MF-9")
async def test_between_two_processes_the_late_mint_waits_for_the_unpin_and_pins_anew(
    cluster: Cluster, publisher: Publisher, network: Network, pinata: Pinata, tmp_path: Path
) -> None:
    failed, late = mint_ids_of_different_processes()
    deletion = HeldDelete()
    async with (
        service(environment(cluster, network.endpoints), tmp_path),
        service(environment(cluster, network.endpoints), tmp_path),
    ):
        await publisher.publish(accepted(failed))
        await first(cluster, IPFS, AssetsPinned, failed)
        network.faults["pinata"] = deletion

        await publisher.publish(sent(UnpinRequested(mint_id=failed, cids=(IMAGE,))))
        await deletion.reached.wait()
        await publisher.publish(accepted(late))
        # It has looked, seen the unpin, and claims once more: it waits.
        await first(cluster, CLAIMS, AssetsClaimed, late, number=2)
        deletion.released.set()

        pinned = await first(cluster, IPFS, AssetsPinned, late)
        unpinned = await first(cluster, IPFS, AssetsUnpinned, failed)

    assert (pinned.image.cid, unpinned.kept) == (IMAGE, ())
    assert await pinata.holds(cid_of(PNG))


@pytest.mark.requirement("MF-9")
async def test_an_unpin_that_is_delivered_again_after_another_mint_pinned_takes_nothing_away(
    cluster: Cluster, publisher: Publisher, network: Network, pinata: Pinata, tmp_path: Path
) -> None:
    unpin = sent(UnpinRequested(mint_id="failed", cids=(IMAGE,)))
    async with service(environment(cluster, network.endpoints), tmp_path):
        await publisher.publish(accepted("failed"))
        await first(cluster, IPFS, AssetsPinned, "failed")
        await publisher.publish(unpin)
        await first(cluster, IPFS, AssetsUnpinned, "failed")
        await publisher.publish(accepted("late"))
        await first(cluster, IPFS, AssetsPinned, "late")

        await publisher.publish(unpin)
        again = await first(cluster, IPFS, AssetsUnpinned, "failed", number=2)

    assert again.kept == (IMAGE,)
    assert await pinata.holds(cid_of(PNG))

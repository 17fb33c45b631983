"""Mints whose content went up together are not uploaded again by whoever goes on after a crash."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mint_events.bus import Cluster, Publisher
from mint_events.catalogue import AssetsPinned
from mint_events.topics import IPFS
from mint_resilience.failpoints import Boundary

from .running import PNG, accepted, answers, environment, service

if TYPE_CHECKING:
    from conftest import Network

MINTS = [f"m-{number}" for number in range(10)]


@pytest.mark.requirement("IP-2", "RE-1")
async def test_a_service_killed_after_an_upload_for_many_mints_uploads_nothing_again(
    cluster: Cluster, publisher: Publisher, network: Network, tmp_path: Path
) -> None:
    # as many contents as there are: the one folder is full when the last mint has come
    env = environment(
        cluster,
        network.endpoints,
        IPFS_BATCH_ITEMS=str(2 * len(MINTS)),
        IPFS_BATCH_SECONDS="60",
        UPLOADS_IN_FLIGHT=str(len(MINTS)),
    )
    dying = env | {"TRIMINT_FAILPOINT": Boundary.PINNING_KEPT}

    async with service(dying, tmp_path) as child:
        await publisher.publish(*(accepted(mint_id, PNG + mint_id.encode()) for mint_id in MINTS))
        assert await child.ended(within=120) == -signal.SIGKILL
    assert network.uploads("pinata") == 1
    async with service(env, tmp_path):
        events = await answers(cluster, IPFS, len(MINTS))

    pinned = [event for event in events if isinstance(event, AssetsPinned)]
    assert {event.mint_id for event in pinned} == set(MINTS)
    assert len({event.image.folder for event in pinned}) == 1
    assert network.uploads("pinata") == 1

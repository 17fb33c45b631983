"""The uploader as a process: from a record in mint.ledger to one in mint.ipfs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from mint_events.bus import Cluster, Publisher
from mint_events.catalogue import (
    AssetPinFailed,
    AssetsPinned,
    AssetsUnpinned,
    UnpinRequested,
    subject_of,
)
from mint_events.topics import IPFS

from .running import PNG, accepted, answers, environment, sent, service

if TYPE_CHECKING:
    from conftest import Network


@pytest.mark.requirement("MF-4")
async def test_accepted_mints_are_answered_and_unpinned_on_request(
    cluster: Cluster, publisher: Publisher, network: Network, tmp_path: Path
) -> None:
    async with service(environment(cluster, network.endpoints), tmp_path):
        await publisher.publish(accepted("m-1"), accepted("m-2", b"no image"))
        first = {subject_of(event): event for event in await answers(cluster, IPFS, 2)}
        pinned = first["m-1"]
        assert isinstance(pinned, AssetsPinned)
        assert isinstance(first["m-2"], AssetPinFailed)

        cids = (pinned.image.cid, pinned.metadata.cid)
        unpin = UnpinRequested(mint_id="m-1", cids=cids)
        await publisher.publish(sent(unpin))
        assert AssetsUnpinned(mint_id="m-1", cids=cids) in await answers(cluster, IPFS, 3)

    async with httpx.AsyncClient() as http:
        for cid in cids:
            assert (
                await http.get(f"{network.endpoints.gateways[0]}/ipfs/{cid}")
            ).status_code == 404


async def test_a_killed_service_goes_on_where_it_stopped(
    cluster: Cluster, publisher: Publisher, network: Network, tmp_path: Path
) -> None:
    env = environment(cluster, network.endpoints)
    mints = [f"m-{number}" for number in range(20)]

    async with service(env, tmp_path) as child:
        await publisher.publish(*(accepted(mint_id, PNG + mint_id.encode()) for mint_id in mints))
        await answers(cluster, IPFS, 5)
        await child.kill()
    async with service(env, tmp_path):
        seen: set[str] = set()
        wanted = 20
        while seen != set(mints):
            events = await answers(cluster, IPFS, wanted)
            assert all(isinstance(event, AssetsPinned) for event in events)
            seen = {subject_of(event) for event in events}
            wanted += 20 - len(seen)


@pytest.mark.requirement("CF-1")
def test_a_missing_token_stops_the_start_with_one_line() -> None:
    env = {**os.environ, "TRIMINT_KAFKA_BROKERS": "127.0.0.1:1"}
    command = [sys.executable, "-m", "ipfs_uploader"]

    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)

    assert ended.returncode == 2
    assert ended.stderr == "TRIMINT_PINATA_JWT: expected a token of Pinata, but it is not set\n"

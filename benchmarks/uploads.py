"""Uploads per second through the uploader's own path: `python benchmarks/uploads.py [--mints 500]`.

Each mint is an image and a metadata document of its own, which the provider is asked for, given,
and which are read back through a gateway. The sandbox's IPFS network is the other side, in a
process of its own, and counts its calls; it shares the machine, so these are lower bounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections import deque
from collections.abc import Sequence

import httpx

from ipfs_uploader.assets import Content
from ipfs_uploader.batches import Batches, BatchLimits
from ipfs_uploader.folder import Folder
from ipfs_uploader.folder_records import NEWEST
from ipfs_uploader.guarded import guarded
from ipfs_uploader.pinata import Pinata, PinataAccount
from ipfs_uploader.pinning import Pinning
from ipfs_uploader.service import Pinner
from ipfs_uploader.together import BatchedPinning, Together
from mint_content.gateway import GatewayPool
from mint_content.unixfs import cid_of
from mint_events.catalogue import FolderBegun
from mint_resilience.backoff import UPLOAD
from mint_sandbox.python_servers import IpfsServer

AT_ONCE = 8
"""Mints in work, as in the service."""

BATCHED_AT_ONCE = 50
LIMITS = BatchLimits(items=2 * BATCHED_AT_ONCE, size=32 * 1024 * 1024, seconds=0.5)
"""As the operator's guide advises where calls are dear."""

IMAGE_SIZES = (64 * 1024, 1024 * 1024)


def content(name: str, media_type: str, data: bytes) -> Content:
    """Content under its name."""
    return Content(name, media_type, data, cid_of(data))


def image(size: int) -> Content:
    """An image that nobody has seen before."""
    return content("image.png", "image/png", os.urandom(size))


def document(picture: Content) -> Content:
    """About 1 KiB of metadata that speaks of the image."""
    text = json.dumps({"image": picture.cid.uri, "description": "x" * 900})
    return content("metadata.json", "application/json", text.encode())


class Records:
    """Folders as they would be entered in Kafka, which is not measured here."""

    def __init__(self) -> None:
        self._begun: deque[FolderBegun] = deque(maxlen=NEWEST)

    async def begin(self, folder: Folder) -> None:
        """Enter a folder."""
        cids = tuple(str(each.cid) for each in folder.contents)
        self._begun.append(FolderBegun(mint_id=str(folder.cid), cids=cids))

    async def recent(self) -> Sequence[FolderBegun]:
        """The newest folders."""
        return tuple(self._begun)


async def mint(pinner: Pinner, room: asyncio.Semaphore, size: int) -> None:
    """What one mint puts on IPFS."""
    async with room:
        picture = image(size)
        await asyncio.gather(pinner.pin(picture), pinner.pin(document(picture)))


async def measure(server: IpfsServer, pinner: Pinner, at_once: int, mints: int, size: int) -> None:
    """Pin so many mints' content, and print how fast and with how many calls."""
    await server.reset_calls()
    room, start, worked = asyncio.Semaphore(at_once), time.perf_counter(), time.process_time()
    await asyncio.gather(*(mint(pinner, room, size) for _ in range(mints)))
    seconds, work = time.perf_counter() - start, time.process_time() - worked
    print(f"images of {size // 1024} KiB, {at_once} mints at once: ", end="")
    print(f"{2 * mints / seconds:.0f} contents/s, ", end="")
    print(f"{1000 * work / mints:.0f} ms of our processor per mint; calls per mint:")
    for endpoint, operations in (await server.calls()).items():
        for operation, calls in operations.items():
            print(f"  {endpoint + ' ' + operation:<24}{calls / mints:>6.2f}")


async def run(mints: int) -> None:
    """Measure each size of image on one network, each content by itself and in folders."""
    server = IpfsServer()
    limits = httpx.Limits(max_connections=2 * BATCHED_AT_ONCE)
    await server.start()
    try:
        async with httpx.AsyncClient(timeout=30.0, limits=limits) as http:
            account = PinataAccount(
                client=http,
                api_url=server.pinata_api_url,
                upload_url=server.pinata_upload_url,
                jwt=server.pinata_jwt,
                now=time.time,
            )
            pool = GatewayPool(http, server.gateways)
            pinning = Pinning(guarded([Pinata(account)]), pool, UPLOAD)
            together = Together(pinning=pinning, records=Records())
            async with Batches(together.keep_all, LIMITS) as batches:
                for size in IMAGE_SIZES:
                    await measure(server, pinning, AT_ONCE, mints, size)
                    batched = BatchedPinning(pinning, batches)
                    await measure(server, batched, BATCHED_AT_ONCE, mints, size)
    finally:
        await server.stop()


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mints", type=int, default=500)
    asyncio.run(run(parser.parse_args().mints))


if __name__ == "__main__":
    main()

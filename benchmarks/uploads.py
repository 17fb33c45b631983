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

import httpx

from ipfs_uploader.assets import Content
from ipfs_uploader.guarded import guarded
from ipfs_uploader.pinata import Pinata, PinataAccount
from ipfs_uploader.pinning import Pinning
from mint_content.gateway import GatewayPool
from mint_content.unixfs import cid_of
from mint_resilience.backoff import UPLOAD
from mint_sandbox.python_servers import IpfsServer

AT_ONCE = 8
"""Mints in work, as in the service."""

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


async def mint(pinning: Pinning, room: asyncio.Semaphore, size: int) -> None:
    """What one mint puts on IPFS."""
    async with room:
        picture = image(size)
        await asyncio.gather(pinning.pin(picture), pinning.pin(document(picture)))


async def measure(server: IpfsServer, pinning: Pinning, mints: int, size: int) -> None:
    """Pin so many mints' content, and print how fast and with how many calls."""
    await server.reset_calls()
    room, start, worked = asyncio.Semaphore(AT_ONCE), time.perf_counter(), time.process_time()
    await asyncio.gather(*(mint(pinning, room, size) for _ in range(mints)))
    seconds, work = time.perf_counter() - start, time.process_time() - worked
    print(f"images of {size // 1024} KiB: {2 * mints / seconds:.0f} uploads/s, ", end="")
    print(f"{1000 * work / mints:.0f} ms of our processor per mint; calls per mint:")
    for endpoint, operations in (await server.calls()).items():
        for operation, calls in operations.items():
            print(f"  {endpoint + ' ' + operation:<24}{calls / mints:>6.2f}")


async def run(mints: int) -> None:
    """Measure each size of image on one network."""
    server = IpfsServer()
    limits = httpx.Limits(max_connections=2 * AT_ONCE)
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
            for size in IMAGE_SIZES:
                await measure(server, pinning, mints, size)
    finally:
        await server.stop()


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mints", type=int, default=500)
    asyncio.run(run(parser.parse_args().mints))


if __name__ == "__main__":
    main()

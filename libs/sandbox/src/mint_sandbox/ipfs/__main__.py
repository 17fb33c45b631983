"""Run the sandbox's IPFS network: `python -m mint_sandbox.ipfs --port 0`.

Prints one line of JSON with the addresses when it is ready, and stops on SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from mint_sandbox.ipfs.server import IpfsOptions, running


def main() -> None:
    """Read the command line and serve until told to stop."""
    asyncio.run(_serve(_options()))


def _options() -> IpfsOptions:
    defaults = IpfsOptions()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=defaults.port, help="first port; 0: any")
    parser.add_argument("--gateways", type=int, default=defaults.gateways, help="how many")
    parser.add_argument("--jwt", default=defaults.jwt, help="the token that Pinata accepts")
    parser.add_argument("--requests-per-minute", type=int, default=defaults.requests_per_minute)
    parser.add_argument("--pinata-chunk-size", type=int, default=defaults.pinata_chunk_size)
    parser.add_argument("--state", type=Path, help="folder to keep content in; default: memory")
    return IpfsOptions(**vars(parser.parse_args()))


async def _serve(options: IpfsOptions) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(options) as endpoints:
        sys.stdout.write(endpoints.to_json() + "\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    main()

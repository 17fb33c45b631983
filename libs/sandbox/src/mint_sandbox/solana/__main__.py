"""`python -m mint_sandbox.solana`: serve a chain until SIGTERM or SIGINT.

When it is ready it prints one line of JSON: {"rpc": URL, "ws": URL, "endpoints":
[{"rpc": URL, "ws": URL}, …], "control": URL}.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from mint_sandbox.solana.ledger import Genesis
from mint_sandbox.solana.program import ProgramUnavailableError, token_metadata_program
from mint_sandbox.solana.server import Running, serve


def main(argv: Sequence[str] | None = None) -> int:
    """Run until told to stop; the exit code is 1 when it could not start."""
    options = _parser().parse_args(argv)
    try:
        asyncio.run(_serve_until_stopped(options))
    except (ProgramUnavailableError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - this is a command
        return 1
    return 0


async def _serve_until_stopped(options: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    seed = secrets.randbits(64) if options.seed is None else options.seed
    async with serve(
        token_metadata_program(os.environ),
        genesis=Genesis(seed, options.skip_rate),
        slot_seconds=options.slot_ms / 1000,
        port=options.port,
        endpoints=options.endpoints,
        state=options.state,
    ) as running:
        _announce(running, options.ready_file)
        await stopped.wait()


def _announce(running: Running, ready_file: Path | None) -> None:
    endpoints = [asdict(endpoint) for endpoint in running.endpoints]
    addresses = {"rpc": running.rpc, "ws": running.ws, "endpoints": endpoints}
    line = json.dumps({**addresses, "control": running.control})
    print(line, flush=True)  # noqa: T201 - whoever started this waits for the line
    if ready_file is not None:
        partial = ready_file.with_name(f"{ready_file.name}.partial")
        partial.write_text(line + "\n")
        partial.replace(ready_file)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mint_sandbox.solana", description=__doc__)
    add = parser.add_argument
    add("--port", type=int, default=0, help="HTTP port; WebSocket is on the next one (0: free)")
    add("--slot-ms", type=_positive, default=400.0, help="milliseconds per slot (default 400)")
    add("--endpoints", type=_count, default=1, help="how many endpoints serve the same chain")
    add("--skip-rate", type=_share, default=0.05, help="share of slots without a block")
    add("--seed", type=int, default=None, help="fixes genesis hash and skipped slots")
    add("--state", type=Path, default=None, help="go on from this file, write it at the end")
    add("--ready-file", type=Path, default=None, help="also write the line to this file")
    return parser


def _positive(text: str) -> float:
    if not float(text) > 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return float(text)


def _share(text: str) -> float:
    if not 0 <= float(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to below 1")
    return float(text)


def _count(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())

"""`trimint demo` (and `make demo`): from nothing to a checked collection, and all stopped again."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from mint_events.bus import Cluster
from mint_resilience.failures import Failure
from mint_sandbox.commands import FAILURES
from mint_sandbox.env_file import render, write_private
from mint_sandbox.stack import Stack, StackOptions
from trimint.board import board_for
from trimint.demo.audit import Seen, faults, look
from trimint.demo.collection import Collection, collection
from trimint.demo.telling import (
    tell_events,
    tell_how_to_look_around,
    tell_result,
    tell_what_next,
)
from trimint.failing import Exit, Failed, told_in_one_line
from trimint.fleet import Fleet
from trimint.following import connected, follow, publish
from trimint.page import page
from trimint.progress import Progress

SLOT_MS = 50.0
VERIFY_DELAY = 3
"""Seconds from phase 1 to phase 2: minutes in production, so that a demo need not wait."""

PATIENCE = 900.0
"""Seconds after which mints that are not over are a fault of the demo."""


@dataclass(frozen=True, slots=True)
class Options:
    """How many mints; whether everything is left running; where the logs go."""

    mints: int
    keep: bool
    logs: Path


def demo(
    *,
    mints: Annotated[
        int, typer.Option(min=1, envvar="DEMO_MINTS", help="How many NFTs to mint.")
    ] = 12,
    keep: Annotated[bool, typer.Option(help="Leave everything running until Ctrl-C.")] = False,
    logs: Annotated[
        Path | None, typer.Option(help="Folder for the services' logs; by default a new one.")
    ] = None,
) -> None:
    """Run the whole system on this machine, mint a small collection, and show what became of it."""
    folder = logs or Path(tempfile.mkdtemp(prefix="trimint-demo-"))
    with told_in_one_line():
        consistent = _run(Options(mints, keep, folder))
    if not consistent:
        typer.echo(f"The services' logs are in {folder}", err=True)
        raise typer.Exit(Exit.INCOMPLETE)
    if logs is None:
        shutil.rmtree(folder)


def _run(options: Options) -> bool:
    """Whether everything is as it should be. Raises `Failed` when it did not come so far."""
    try:
        return asyncio.run(_demo(options, page()))
    except (*FAILURES, Failure) as failure:
        raise Failed(f"{failure}; logs: {options.logs}", Exit.UNREACHABLE) from failure
    except asyncio.CancelledError as cancelled:
        raise Failed("told to stop, and stopped everything", Exit.INCOMPLETE) from cancelled


async def _demo(options: Options, out: Console) -> bool:
    """Whether everything is as it should be; SIGTERM ends it in good order."""
    _cancelled_by(signal.SIGTERM)
    wanted = collection(options.mints)
    started = time.monotonic()
    async with _running(options, out) as stack:
        done = await _minted(wanted, stack.env, out)
        seen = await look(
            wanted, stack.servers.solana.rpc_url, stack.env["TRIMINT_DATABASE_READ_URL"]
        )
        found = faults(wanted, done, seen)
        _tell(out, done, seen, found)
        out.print(f"All of it took {time.monotonic() - started:.0f} s.", highlight=False)
        if options.keep:
            await _looked_around(options, stack, wanted, out)
    tell_what_next(out)
    return not found


@asynccontextmanager
async def _running(options: Options, out: Console) -> AsyncIterator[Stack]:
    """The sandbox, and on it the four services; all stopped at the end."""
    out.print("Starting Kafka, PostgreSQL, Solana and IPFS on this machine …", highlight=False)
    async with Stack(StackOptions(slot_ms=SLOT_MS)) as stack:
        out.print("Starting reconciler, ipfs-uploader, chain-minter and verifier …")
        async with Fleet(stack.env | _pace(), options.logs) as fleet:
            await fleet.ready()
            yield stack
            _tell_complaints(out, fleet)
            out.print("Stopping …")


def _pace() -> dict[str, str]:
    """Settings that let a demo go faster than production."""
    return {
        "TRIMINT_VERIFY_DELAY": str(VERIFY_DELAY),
        "TRIMINT_RECHECK_WAITS": f"{VERIFY_DELAY},30",
        "TRIMINT_FINALITY_INTERVAL": "0.2",
    }


async def _minted(wanted: Collection, env: dict[str, str], out: Console) -> list[Progress]:
    out.print(
        f"Minting {len(wanted.valid)} NFTs for {len(wanted.wallets)} users, and sending one invalid"
        f" request. A Solana slot takes {SLOT_MS:g} ms here (400 on mainnet), and\nthe second"
        f" look at the layers comes after {VERIFY_DELAY} s (minutes in production).",
        highlight=False,
    )
    brokers = tuple(env["TRIMINT_KAFKA_BROKERS"].split(","))
    cluster = Cluster(brokers=brokers, prefix=env["TRIMINT_KAFKA_TOPIC_PREFIX"])
    async with connected(cluster, None) as connection:
        begun = await publish(connection, wanted.requests)
        with board_for(out, quiet=False) as board:
            return await follow(connection, begun, board, within=PATIENCE)


def _tell(out: Console, done: Sequence[Progress], seen: Seen, found: Sequence[str]) -> None:
    tell_result(out, done, seen, found)
    tell_events(out, seen)


def _tell_complaints(out: Console, fleet: Fleet) -> None:
    for service in fleet:
        for line in service.complaints():
            out.print(f"{service.name} logged an error: {line}", style="yellow", markup=False)


async def _looked_around(options: Options, stack: Stack, wanted: Collection, out: Console) -> None:
    """Say what to try, and wait until the user has seen enough."""
    env_file = options.logs / "sandbox.env"
    write_private(env_file, render(stack.env))
    example = wanted.valid[0]
    tell_how_to_look_around(out, example.mint_id, example.user_id, env_file)
    try:
        await _signalled()
    finally:
        env_file.unlink()


async def _signalled() -> None:
    """Wait for Ctrl-C or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def _cancelled_by(number: signal.Signals) -> None:
    """Let the signal cancel the present task."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(number, task.cancel)

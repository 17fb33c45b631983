"""`up`, `down` and `status` of a sandbox, for whichever command line calls them."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mint_sandbox.env_file import render, write_private
from mint_sandbox.kafka import JarsUnavailable
from mint_sandbox.postgres import PostgresUnavailable
from mint_sandbox.process import POLL_INTERVAL, StartFailure
from mint_sandbox.registration import AlreadyRunning, Registration, Running
from mint_sandbox.stack import Stack, StackOptions

DEFAULT_FOLDER: Final = Path(".sandbox")
_START_PATIENCE: Final = 300.0  # seconds: the first start fetches Kafka
_STOP_PATIENCE: Final = 60.0

FAILURES: Final = (
    AlreadyRunning,
    JarsUnavailable,
    PostgresUnavailable,
    StartFailure,
    TimeoutError,
)
"""What the commands raise when this machine, not the program, is in the way."""

Announce = Callable[[Mapping[str, str]], None]


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where the environment goes when the sandbox is ready; `env_file` is removed at the end."""

    env_file: Path | None = None
    registration: Registration | None = None
    announce: Announce = lambda _env: None


def up(options: StackOptions, outputs: Outputs) -> None:
    """Run a sandbox until SIGINT or SIGTERM.

    Raises one of `FAILURES`.
    """
    if outputs.registration:
        outputs.registration.hold()
    with suppress(asyncio.CancelledError):
        asyncio.run(_serve_until_told_to_stop(options, outputs))


def up_detached(
    options: StackOptions, registration: Registration, env_file: Path | None = None
) -> Running:
    """Start a sandbox in the background and return when it is ready.

    Raises `AlreadyRunning`, or `StartFailure` with its log when it does not become ready.
    """
    if registration.holder() is not None:
        raise AlreadyRunning("a sandbox runs already: `trimint sandbox down` stops it")
    child = _spawn(options, registration, env_file)
    deadline = time.monotonic() + _START_PATIENCE
    while (running := registration.running()) is None:
        if child.poll() is not None or time.monotonic() > deadline:
            child.terminate()
            raise StartFailure(f"no sandbox came up:\n{registration.log_file.read_text()}")
        time.sleep(POLL_INTERVAL)
    return running


def down(registration: Registration) -> bool:
    """Stop the sandbox in the background, and wait for its end; False when none runs.

    Raises `TimeoutError` when it does not end within a minute.
    """
    holder = registration.holder()
    if holder is not None:
        _end(holder)
        _wait_until_free(registration, holder)
    registration.clear()
    return holder is not None


async def _serve_until_told_to_stop(options: StackOptions, outputs: Outputs) -> None:
    serving = asyncio.create_task(_serve(options, outputs))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, _cancel_once(serving))
    await serving


async def _serve(options: StackOptions, outputs: Outputs) -> None:
    async with Stack(options) as stack:
        try:
            _announce(stack.env, outputs)
            await asyncio.Event().wait()
        finally:
            if outputs.env_file:
                outputs.env_file.unlink(missing_ok=True)


def _announce(env: Mapping[str, str], outputs: Outputs) -> None:
    if outputs.env_file:
        write_private(outputs.env_file, render(env))
    if outputs.registration:
        outputs.registration.announce(env)
    outputs.announce(env)


def _cancel_once(task: asyncio.Task[None]) -> Callable[[], None]:
    """A second signal must not break off the orderly end that the first one began."""

    def cancel() -> None:
        if not task.cancelling():
            task.cancel()

    return cancel


def _spawn(
    options: StackOptions, registration: Registration, env_file: Path | None
) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "mint_sandbox", "up", *_arguments(options, env_file)]
    argv += ["--registered", "--folder", str(registration.log_file.parent)]
    registration.log_file.parent.mkdir(parents=True, exist_ok=True)
    with registration.log_file.open("wb") as log:
        return subprocess.Popen(  # noqa: S603 - our own arguments
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def _arguments(options: StackOptions, env_file: Path | None) -> list[str]:
    arguments = ["--brokers", str(options.brokers), "--slot-ms", str(options.slot_ms)]
    arguments += ["--endpoints", str(options.endpoints)]
    if options.keep:
        arguments += ["--keep", str(options.keep)]
    if env_file:
        arguments += ["--env-file", str(env_file)]
    return arguments


def _end(pid: int) -> None:
    """Ask the process to end; on Linux, wait until it has (the lock goes a moment earlier)."""
    if sys.platform != "linux":
        os.kill(pid, signal.SIGTERM)
        return
    ended = os.pidfd_open(pid)
    try:
        os.kill(pid, signal.SIGTERM)
        select.select([ended], [], [], _STOP_PATIENCE)
    finally:
        os.close(ended)


def _wait_until_free(registration: Registration, pid: int) -> None:
    deadline = time.monotonic() + _STOP_PATIENCE
    while registration.holder() is not None:
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"the sandbox (pid {pid}) does not stop: see {registration.log_file}"
            )
        time.sleep(POLL_INTERVAL)

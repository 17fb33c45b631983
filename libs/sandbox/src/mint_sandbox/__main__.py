"""`python -m mint_sandbox up|down|status`: Kafka, PostgreSQL, Solana and IPFS on this machine."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from mint_sandbox.commands import DEFAULT_FOLDER, FAILURES, Outputs, down, up, up_detached
from mint_sandbox.env_file import render
from mint_sandbox.registration import Registration
from mint_sandbox.stack import StackOptions

_NOT_RUNNING: Final = 3  # as Linux Standard Base defines the exit status of "status"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 1 when it failed and 3 when no sandbox runs."""
    options = _parser().parse_args(argv)
    try:
        return int(options.run(options))
    except FAILURES as failure:
        print(failure, file=sys.stderr)  # noqa: T201 - this is a command
        return 1


def _up(options: argparse.Namespace) -> int:
    stack = StackOptions(options.brokers, options.slot_ms, options.keep, options.endpoints)
    registration = Registration(options.folder)
    if options.detach:
        _print_env(up_detached(stack, registration, options.env_file).env)
    else:
        registered = registration if options.registered else None
        up(stack, Outputs(options.env_file, registered, _print_env))
    return 0


def _down(options: argparse.Namespace) -> int:
    return 0 if down(Registration(options.folder)) else _NOT_RUNNING


def _status(options: argparse.Namespace) -> int:
    running = Registration(options.folder).running()
    if running is None:
        return _NOT_RUNNING
    _print_env({"TRIMINT_SANDBOX_PID": str(running.pid), **running.env})
    return 0


def _print_env(env: Mapping[str, str]) -> None:
    sys.stdout.write(render(env))
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mint_sandbox", description=__doc__)
    commands = parser.add_subparsers(required=True)
    start = commands.add_parser("up", help="start; print the environment; run until a signal")
    start.set_defaults(run=_up)
    add = start.add_argument
    add("--env-file", type=Path, help="also write the environment to this file while it runs")
    add("--slot-ms", type=float, default=400.0, help="milliseconds per Solana slot")
    add("--brokers", type=int, choices=(1, 3), default=1, help="nodes of Kafka")
    add("--endpoints", type=int, default=3, help="RPC endpoints of the chain")
    add("--keep", type=Path, help="keep the state (all but the chain) in this folder")
    add("--detach", action="store_true", help="return when it is ready; it runs on until `down`")
    add("--registered", action="store_true", help=argparse.SUPPRESS)  # what --detach starts
    stop = commands.add_parser("down", help="stop the sandbox in the background")
    stop.set_defaults(run=_down)
    show = commands.add_parser("status", help="print the environment of the one in the background")
    show.set_defaults(run=_status)
    for command in (start, stop, show):
        command.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())

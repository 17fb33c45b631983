"""`trimint sandbox up|down|status`: the embedded Kafka, PostgreSQL, Solana and IPFS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from mint_sandbox.commands import DEFAULT_FOLDER, FAILURES, Outputs, down, up, up_detached
from mint_sandbox.env_file import render
from mint_sandbox.registration import Registration
from mint_sandbox.stack import StackOptions

NOT_RUNNING: Final = 3
"""Exit code when no sandbox runs, as the Linux Standard Base has it for `status`."""

app = typer.Typer(help="Real servers on this machine, nothing to install.", no_args_is_help=True)


@app.command("up")
def start(
    *,
    env_file: Annotated[
        Path | None, typer.Option(help="Also write the environment here, while it runs.")
    ] = None,
    slot_ms: Annotated[float, typer.Option(min=1, help="Milliseconds per Solana slot.")] = 400.0,
    brokers: Annotated[int, typer.Option(min=1, max=3, help="Nodes of Kafka: 1 or 3.")] = 1,
    keep: Annotated[
        Path | None, typer.Option(help="Keep the state (all but the chain) in this folder.")
    ] = None,
    detach: Annotated[bool, typer.Option(help="Return when ready; stop it with `down`.")] = False,
) -> None:
    """Start the servers, print the environment for services, run until Ctrl-C."""
    options = StackOptions(brokers, slot_ms, keep)
    with _failures_shown():
        if detach:
            _print_env(up_detached(options, Registration(DEFAULT_FOLDER), env_file).env)
        else:
            up(options, Outputs(env_file, announce=_print_env))


@app.command("down")
def stop() -> None:
    """Stop the sandbox that runs in the background."""
    with _failures_shown():
        was_running = down(Registration(DEFAULT_FOLDER))
    if not was_running:
        raise typer.Exit(NOT_RUNNING)


@app.command()
def status() -> None:
    """Print the environment of the sandbox that runs in the background."""
    running = Registration(DEFAULT_FOLDER).running()
    if running is None:
        typer.echo("no sandbox runs in the background", err=True)
        raise typer.Exit(NOT_RUNNING)
    _print_env({"TRIMINT_SANDBOX_PID": str(running.pid), **running.env})


def _print_env(env: Mapping[str, str]) -> None:
    typer.echo(render(env), nl=False)


@contextmanager
def _failures_shown() -> Iterator[None]:
    try:
        yield
    except FAILURES as failure:
        typer.echo(str(failure), err=True)
        raise typer.Exit(1) from failure

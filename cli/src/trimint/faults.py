"""`trimint sandbox fault list|set|clear`: let endpoints of the sandbox misbehave."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from mint_sandbox.commands import DEFAULT_FOLDER
from mint_sandbox.control import client
from mint_sandbox.faults import Fault, Kind, When
from mint_sandbox.registration import Registration
from mint_sandbox.tenant import CONTROL_URLS
from trimint.failing import Exit, Failed, told_in_one_line
from trimint.mint import AsJson, EnvFile
from trimint.settings import read_env_file

app = typer.Typer(help="Let endpoints of the sandbox misbehave.", no_args_is_help=True)

Endpoint = Annotated[str, typer.Argument(help="solana-1, pinata, kubo, gateway-1 …")]

T = TypeVar("T")


@app.command("list")
def show(*, as_json: AsJson = False, env_file: EnvFile = None) -> None:
    """Show the faults of every endpoint, and how many requests each has struck."""
    with told_in_one_line():
        states = {name: state for name, (_, state) in _found(env_file).items()}
    if as_json:
        typer.echo(json.dumps(states))
        return
    for name, state in states.items():
        faults = [_in_words(fault) for fault in state["faults"]]
        typer.echo(f"{name:<12} {'; '.join(faults) or '-'}")


@app.command("set")
def misbehave(
    *,
    endpoint: Endpoint,
    kind: Annotated[Kind, typer.Argument(help="What goes wrong.")],
    method: Annotated[
        list[str] | None, typer.Option(help="Only these JSON-RPC methods or operations.")
    ] = None,
    cid: Annotated[str | None, typer.Option(help="Only this content.")] = None,
    probability: Annotated[float, typer.Option(help="Share of requests struck.")] = 1.0,
    count: Annotated[int | None, typer.Option(help="At most so many requests.")] = None,
    after: Annotated[float, typer.Option(min=0, help="Seconds until it begins.")] = 0.0,
    until: Annotated[float | None, typer.Option(help="Seconds until it ends.")] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Of slow, trickle, flap; Retry-After of rate-limited.")
    ] = None,
    blocks: Annotated[int | None, typer.Option(help="Of late, lag, height.")] = None,
    status: Annotated[int | None, typer.Option(help="HTTP status of server-error.")] = None,
    code: Annotated[int | None, typer.Option(help="Code of rpc-error.")] = None,
    location: Annotated[str | None, typer.Option(help="Target of redirect.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed strikes the same requests.")] = 0,
    add: Annotated[bool, typer.Option("--add", help="Beside the present faults.")] = False,
    env_file: EnvFile = None,
) -> None:
    """Give an endpoint a fault, in place of those it has unless --add is given."""
    with told_in_one_line():
        try:
            when = When(
                methods=tuple(method or ()),
                cid=cid,
                after=after,
                until=until,
                probability=probability,
                count=count,
            )
            fault = Fault(kind, when, seconds, blocks, status, code, location)
        except ValueError as error:
            raise Failed(str(error)) from error
        url, state = _endpoint(endpoint, env_file)
        present = [Fault.from_json(_without_tally(one)) for one in state["faults"]] if add else []
        _run(client.misbehave(url, endpoint, [*present, fault], seed=seed))


@app.command()
def clear(
    *,
    endpoint: Annotated[str | None, typer.Argument(help="Which; all when none is named.")] = None,
    env_file: EnvFile = None,
) -> None:
    """Let an endpoint, or all of them, behave again."""
    with told_in_one_line():
        if endpoint is None:
            for name, (url, _) in _found(env_file).items():
                _run(client.behave(url, name))
        else:
            _run(client.behave(_endpoint(endpoint, env_file)[0], endpoint))


def _found(env_file: Path | None) -> dict[str, tuple[str, dict[str, Any]]]:
    """Every endpoint, with the control port that it is told at and its present state."""
    return {
        name: (url, state)
        for url in _control_urls(env_file)
        for name, state in _run(client.faults(url)).items()
    }


def _endpoint(name: str, env_file: Path | None) -> tuple[str, dict[str, Any]]:
    found = _found(env_file)
    if name not in found:
        raise Failed(f"no endpoint {name!r}; there are {', '.join(found)}", Exit.NOT_FOUND)
    return found[name]


def _control_urls(env_file: Path | None) -> list[str]:
    """From the env file, else the environment, else the sandbox in the background."""
    running = Registration(DEFAULT_FOLDER).running()
    background: Mapping[str, str] = running.env if running else {}
    given = read_env_file(env_file) if env_file else {}
    urls = {**background, **os.environ, **given}.get(CONTROL_URLS)
    if urls is None:
        raise Failed(
            "no sandbox runs in the background here: name its env file with --env-file",
            Exit.NOT_FOUND,
        )
    return urls.split(",")


def _run(asked: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(asked)
    except client.ControlRefused as refusal:
        raise Failed(str(refusal)) from refusal
    except ConnectionError as error:
        raise Failed(str(error), Exit.UNREACHABLE) from error


def _without_tally(shown: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if name != "struck"}


def _in_words(shown: dict[str, Any]) -> str:
    rest = {name: value for name, value in shown.items() if name != "kind"}
    return " ".join([shown["kind"], *(f"{name}={value}" for name, value in rest.items())])

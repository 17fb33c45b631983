"""`trimint dlq list|show|redrive|discard`."""

from __future__ import annotations

import asyncio
import getpass
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from mint_runtime.settings import ServiceSettings
from trimint.dlq.deciding import Outcome, decide
from trimint.dlq.desk import Decision, Desk, Read, at_the_desk
from trimint.dlq.letters import Letter, State, Wanted, named
from trimint.dlq.showing import document, letter_table, letters_table
from trimint.failing import Exit, Failed, told_in_one_line
from trimint.mint import AsJson, EnvFile
from trimint.page import page
from trimint.settings import settings_of

app = typer.Typer(
    help="Dead letters: what nobody could work on, and what is to become of it.",
    no_args_is_help=True,
)

Service = Annotated[str | None, typer.Option(help="Only those that this service gave up.")]
FromTopic = Annotated[str | None, typer.Option("--topic", help="Only records of this topic.")]
FailureKind = Annotated[
    str | None, typer.Option("--failure", help="Only these: poison, permanent, bug …")
]
Mint = Annotated[str | None, typer.Option(help="Only those of this mint.")]
Letters = Annotated[
    list[str] | None, typer.Argument(help="Ids of letters, or what they begin with.")
]
All = Annotated[bool, typer.Option("--all", help="All open letters that the options choose.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept in the audit trail.")]
By = Annotated[str | None, typer.Option(help="Who decides; default: the user of this machine.")]

T = TypeVar("T")


@app.command("list")
def show_all(
    *,
    service: Service = None,
    topic: FromTopic = None,
    failure: FailureKind = None,
    mint: Mint = None,
    state: Annotated[str, typer.Option(help="open, redriven, discarded or all.")] = State.OPEN,
    as_json: AsJson = False,
    env_file: EnvFile = None,
) -> None:
    """Show the dead letters, the newest last; those that wait for a decision unless told."""
    with told_in_one_line():
        wanted = Wanted(
            service=service, topic=topic, failure=failure, mint=mint, state=_state(state)
        )
        found = _at_the_desk(env_file, lambda desk: _read(desk))
        letters = [letter for letter in found.letters if wanted.chooses(letter)]
    if as_json:
        typer.echo(json.dumps([document(letter) for letter in letters], indent=2))
        return
    if not letters:
        typer.echo(f"no dead letters{'' if wanted == Wanted() else ' of this kind'}")
        return
    page().print(letters_table(letters))


@app.command()
def show(
    *,
    letter: Annotated[str, typer.Argument(help="Id of a letter, or what it begins with.")],
    as_json: AsJson = False,
    env_file: EnvFile = None,
) -> None:
    """Show all of one dead letter: why it is one, its key, headers and bytes, what was decided."""

    async def look(desk: Desk) -> None:
        (found,) = named((await _read(desk)).letters, [letter])
        if as_json:
            typer.echo(json.dumps(document(found, desk.codec), indent=2))
        else:
            page().print(letter_table(found, desk.codec))

    with told_in_one_line():
        _at_the_desk(env_file, look)


@app.command()
def redrive(
    *,
    letters: Letters = None,
    every: All = False,
    service: Service = None,
    topic: FromTopic = None,
    failure: FailureKind = None,
    mint: Mint = None,
    reason: Reason,
    by: By = None,
    as_json: AsJson = False,
    env_file: EnvFile = None,
) -> None:
    """Put records back where they came from, for the service that gave them up.

    Safe to repeat: a letter that was redriven is left alone. A record that fails again is a new
    letter.
    """
    wanted = Wanted(service=service, topic=topic, failure=failure, mint=mint, state=State.OPEN)
    with told_in_one_line():
        decision = _by(by, reason)
        outcomes = _decided(env_file, State.REDRIVEN, letters, wanted, decision, every=every)
    _tell(outcomes, as_json=as_json)


@app.command()
def discard(
    *,
    letters: Letters = None,
    every: All = False,
    service: Service = None,
    topic: FromTopic = None,
    failure: FailureKind = None,
    mint: Mint = None,
    reason: Reason,
    by: By = None,
    as_json: AsJson = False,
    env_file: EnvFile = None,
) -> None:
    """Close dead letters for which nothing more is to be done. They stay to be seen.

    Safe to repeat: a letter that was discarded is left alone.
    """
    wanted = Wanted(service=service, topic=topic, failure=failure, mint=mint, state=State.OPEN)
    with told_in_one_line():
        outcomes = _decided(
            env_file, State.DISCARDED, letters, wanted, _by(by, reason), every=every
        )
    _tell(outcomes, as_json=as_json)


def _state(text: str) -> State | None:
    if text == "all":
        return None
    try:
        return State(text)
    except ValueError as error:
        raise Failed(f"--state {text!r}: expected open, redriven, discarded or all") from error


def _by(by: str | None, reason: str) -> Decision:
    if not reason.strip():
        raise Failed("--reason: say why; it is kept in the audit trail")
    return Decision(by=by or getpass.getuser(), reason=reason)


def _at_the_desk(env_file: Path | None, work: Callable[[Desk], Awaitable[T]]) -> T:
    settings = settings_of(ServiceSettings, env_file)

    async def connected() -> T:
        async with at_the_desk(settings.cluster, settings.schema_registry_url) as desk:
            return await work(desk)

    return asyncio.run(connected())


async def _read(desk: Desk) -> Read:
    found = await desk.read()
    for reason in found.unreadable:
        typer.echo(f"trimint: passed over: {reason}", err=True)
    return found


def _decided(
    env_file: Path | None,
    to: State,
    names: Sequence[str] | None,
    wanted: Wanted,
    decision: Decision,
    *,
    every: bool,
) -> list[Outcome]:
    if bool(names) == every:
        raise Failed("name letters (`trimint dlq list` shows them), or say --all")

    async def work(desk: Desk) -> list[Outcome]:
        found = (await _read(desk)).letters
        chosen: list[Letter] = named(found, names) if names else list(filter(wanted.chooses, found))
        return await decide(desk, chosen, to, decision)

    return _at_the_desk(env_file, work)


def _tell(outcomes: Sequence[Outcome], *, as_json: bool) -> None:
    if as_json:
        told = [{"letter": one.letter, "done": one.done, "detail": one.detail} for one in outcomes]
        typer.echo(json.dumps(told, indent=2))
    elif not outcomes:
        typer.echo("no open dead letters of this kind")
    else:
        for one in outcomes:
            typer.echo(f"{one.letter}  {one.detail}")
    if not all(one.done for one in outcomes):
        raise typer.Exit(Exit.INCOMPLETE)

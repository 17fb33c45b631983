"""`trimint status`: where a mint stands in each layer, or what mints a user has."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from trimint.board import COLOURS
from trimint.failing import Exit, Failed, told_in_one_line
from trimint.mint import AsJson, EnvFile
from trimint.page import page
from trimint.records import EventRow, MintRecord, opened
from trimint.settings import DatabaseSettings, settings_of

_FACTS = (
    "user_id",
    "wallet",
    "level",
    "name",
    "symbol",
    "mint_address",
    "signature",
    "slot",
    "metadata_cid",
    "image_cid",
    "animation_cid",
    "uri",
    "detail",
)
_VERDICTS = {"consistent": "green", "inconsistent": "red", "unknown": "yellow"}


def status(
    *,
    mint_id: Annotated[str | None, typer.Argument(help="The mint to look at.")] = None,
    user: Annotated[str | None, typer.Option(help="Or: all mints of this user.")] = None,
    as_json: AsJson = False,
    env_file: EnvFile = None,
) -> None:
    """Show where a mint stands: its layers, addresses, CIDs, the time of each step, its events."""
    with told_in_one_line():
        if (mint_id is None) == (user is None):
            raise Failed("name a mint (`trimint status MINT_ID`) or a user (--user U)")
        settings = settings_of(DatabaseSettings, env_file)
        url = settings.database_read_url.get_secret_value()
        if mint_id is not None:
            _show_mint(asyncio.run(_mint(url, mint_id)), as_json=as_json)
        elif user is not None:
            _show_user(user, asyncio.run(_of_user(url, user)), as_json=as_json)


async def _mint(url: str, mint_id: str) -> MintRecord:
    async with opened(url) as records:
        found = await records.mint(mint_id)
    if found is None:
        raise Failed(f"no mint {mint_id!r}: nobody has asked for it yet", Exit.NOT_FOUND)
    return found


async def _of_user(url: str, user: str) -> list[dict[str, Any]]:
    async with opened(url) as records:
        found = await records.of_user(user)
    if not found:
        raise Failed(f"user {user!r} has no mints", Exit.NOT_FOUND)
    return found


def _show_mint(mint: MintRecord, *, as_json: bool) -> None:
    if as_json:
        _echo(as_document(mint))
        return
    console = page()
    state = mint.record["status"]
    console.print(
        Text.assemble(mint.record["mint_id"], " is ", (state, COLOURS.get(state, "bold")))
    )
    if mint.has_lock:
        console.print("It holds its user's lock.")
    for table in (_facts(mint), _layers(mint), _steps(mint.events)):
        console.print(table)


def _show_user(user: str, mints: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        _echo(mints)
        return
    table = Table(
        "mint", "level", "status", "NFT address", "metadata CID", title=f"mints of {user}"
    )
    for mint in mints:
        state = mint["status"]
        table.add_row(
            mint["mint_id"],
            str(mint["level"]),
            Text(state, COLOURS.get(state, "")),
            Text(mint["mint_address"] or "", overflow="fold"),
            Text(mint["metadata_cid"] or mint["detail"] or "", overflow="fold"),
        )
    page().print(table)


def as_document(mint: MintRecord) -> dict[str, Any]:
    """All of it, for machines: the record's columns, then layers, steps and events."""
    return {
        **mint.record,
        "has_lock": mint.has_lock,
        "layers": [asdict(layer) for layer in mint.layers],
        "events": [{**asdict(e), "seconds": s} for e, s in _timed(mint.events)],
    }


def _timed(events: Sequence[EventRow]) -> Iterator[tuple[EventRow, float]]:
    """Each event with the seconds since the first one."""
    for event in events:
        yield event, (event.at - events[0].at).total_seconds()


def _facts(mint: MintRecord) -> Table:
    table = Table(show_header=False, box=None)
    for name in _FACTS:
        if mint.record[name] is not None:
            table.add_row(Text(name, "dim"), Text(str(mint.record[name]), overflow="fold"))
    return table


def _layers(mint: MintRecord) -> Table:
    table = Table("layer", "verdict", "expected", "seen", "since (UTC)")
    for row in mint.layers:
        table.add_row(
            row.layer,
            Text(row.verdict, _VERDICTS.get(row.verdict, "")),
            Text(row.expected or "", overflow="fold"),
            Text(row.seen or "", overflow="fold"),
            f"{row.since:%Y-%m-%d %H:%M:%S}",
        )
    return table


def _steps(events: Sequence[EventRow]) -> Table:
    table = Table("after", "event", "by", "what", box=None)
    for event, seconds in _timed(events):
        table.add_row(f"{seconds:.2f} s", event.type, event.source, Text(_gist(event)))
    return table


def _gist(event: EventRow) -> str:
    """The part of an event that tells it from others of its type."""
    body = event.body
    match event.type:
        case "CheckCompleted":
            return f"phase {body['phase']}: {body['check']} {body['outcome']}"
        case "PhaseCompleted":
            return f"phase {body['phase']} {body['outcome']}"
        case "MintSubmitted":
            return f"signature {body['attempt']}"
        case _:
            return str(body.get("detail") or "")


def _echo(document: Any) -> None:
    typer.echo(json.dumps(document, indent=2, default=_plain))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)

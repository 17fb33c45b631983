"""`trimint mint`: ask for mints, and follow them to the end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer

from mint_events.catalogue import MintRequested
from mint_runtime.media import MediaSettings
from mint_runtime.settings import ServiceSettings
from trimint.board import board_for
from trimint.failing import Exit, Failed, told_in_one_line
from trimint.following import connected, follow, publish
from trimint.page import page
from trimint.progress import Progress
from trimint.progress import as_json as to_json
from trimint.requests import read_file, requests_of
from trimint.result import result_table
from trimint.settings import settings_of

EnvFile = Annotated[
    Path | None,
    typer.Option(help="File of NAME=value lines with the settings (or TRIMINT_ENV_FILE)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
EXAMPLE = (
    "trimint mint --user alice --wallet ADDRESS --name 'Hero #1' --symbol HERO --level 7"
    " --image hero.png"
)


def mint(
    *,
    user: Annotated[str | None, typer.Option(help="The user who receives the NFT.")] = None,
    wallet: Annotated[str | None, typer.Option(help="The user's Solana wallet, base58.")] = None,
    name: Annotated[str | None, typer.Option(help="Name, at most 32 bytes.")] = None,
    symbol: Annotated[str | None, typer.Option(help="Symbol, at most 10 bytes.")] = None,
    level: Annotated[int | None, typer.Option(help="The level that the NFT proves.")] = None,
    image: Annotated[Path | None, typer.Option(help="Image file: PNG, JPEG, GIF, WebP.")] = None,
    image_uri: Annotated[
        str | None, typer.Option(help="Or ipfs://CID or https:// URL of an image.")
    ] = None,
    animation: Annotated[
        Path | None, typer.Option(help="MP4 file, to be shown where videos play.")
    ] = None,
    animation_uri: Annotated[
        str | None, typer.Option(help="Or ipfs://CID or https:// URL of an MP4.")
    ] = None,
    mint_id: Annotated[
        str | None, typer.Option(help="Idempotency key: the same one never mints twice.")
    ] = None,
    description: Annotated[str | None, typer.Option(help="Text in the metadata.")] = None,
    mutable: Annotated[
        bool, typer.Option(help="Whether the metadata account can be changed later.")
    ] = True,
    file: Annotated[
        Path | None,
        typer.Option(help="Mints from a .json or .csv file; paths in it are relative to it."),
    ] = None,
    wait: Annotated[bool, typer.Option(help="Follow the mints to their end.")] = True,
    timeout: Annotated[
        float | None, typer.Option(help="Follow at most so many seconds.", min=0)
    ] = None,
    check: Annotated[bool, typer.Option(help="Look for faults before publishing.")] = True,
    as_json: AsJson = False,
    env_file: EnvFile = None,
) -> None:
    """Mint NFTs from flags or from a file; exit code 0 only if all of them are completed."""
    flags = {
        "user": user,
        "wallet": wallet,
        "name": name,
        "symbol": symbol,
        "level": level,
        "image": image,
        "image_uri": image_uri,
        "animation": animation,
        "animation_uri": animation_uri,
        "mint_id": mint_id,
        "description": description,
        "is_mutable": None if mutable else False,
    }
    with told_in_one_line():
        rows = _rows(flags, file)
        settings = settings_of(MediaSettings, env_file)
        folder, media = (file or Path()).parent, settings.accepted_media if check else None
        requests = requests_of(rows, folder, _new_id, media=media)
        done = asyncio.run(_mint(settings, requests, wait=wait, within=timeout, quiet=as_json))
    _print(done, as_json=as_json)
    if wait and not all(progress.is_completed for progress in done):
        raise typer.Exit(Exit.INCOMPLETE)


def _rows(flags: dict[str, Any], file: Path | None) -> Sequence[Mapping[str, Any]]:
    given = {name: value for name, value in flags.items() if value is not None}
    if file is None:
        if not given:
            raise Failed(f"say what to mint, for instance: {EXAMPLE}; or give --file mints.csv")
        return [given]
    if given:
        raise Failed(f"--file and --{next(iter(given)).replace('_', '-')} exclude each other")
    return read_file(file)


def _new_id() -> str:
    return f"mint-{uuid4().hex[:12]}"


async def _mint(
    settings: ServiceSettings,
    requests: Sequence[MintRequested],
    *,
    wait: bool,
    within: float | None,
    quiet: bool,
) -> list[Progress]:
    async with connected(settings.cluster, settings.schema_registry_url) as connection:
        begun = await publish(connection, requests)
        if not wait:
            return begun
        with board_for(page(stderr=True), quiet=quiet) as board:
            return await follow(connection, begun, board, within=within)


def _print(done: Sequence[Progress], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([to_json(progress) for progress in done], indent=2))
    else:
        page().print(result_table(done))

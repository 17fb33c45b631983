"""`trimint gate show|close|open`: may new mints begin, and keep them from it by hand."""

from __future__ import annotations

import asyncio
import getpass
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated
from uuid import uuid4

import typer
from pydantic import Field

from mint_events.bus import CompactedTopic, Publisher
from mint_events.catalogue import (
    Layer,
    LayerEvent,
    LayerHealthReported,
    MaintenanceBegun,
    MaintenanceEnded,
)
from mint_events.envelope import Envelope, root
from mint_events.gate import maintenance_of, report_of
from mint_events.topics import CONTROL, HEALTH
from mint_runtime.connection import connected
from mint_runtime.settings import ServiceSettings
from trimint.failing import Failed, told_in_one_line
from trimint.gate_view import Known, as_document, table
from trimint.mint import AsJson, EnvFile
from trimint.page import page
from trimint.settings import settings_of

SOURCE = "trimint-cli"

app = typer.Typer(help="May new mints begin? And keep them from it.", no_args_is_help=True)


class Which(StrEnum):
    """A layer, or all of them."""

    SOLANA = "solana"
    IPFS = "ipfs"
    DATABASE = "database"
    ALL = "all"

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers that are meant."""
        return tuple(Layer) if self is Which.ALL else (Layer(self),)


class GateSettings(ServiceSettings):
    """The services' variables, and under which authority mints are made."""

    solana_authority: str | None = Field(
        default=None, description="public key (base58) of the authority that mints are made under"
    )


LayerName = Annotated[Which, typer.Argument(help="Which layer.")]
By = Annotated[str, typer.Option(help="Who does it.", default_factory=getpass.getuser)]


@app.command()
def show(*, as_json: AsJson = False, env_file: EnvFile = None) -> None:
    """Show of each layer whether it lets new mints begin, and who says what of it."""
    with told_in_one_line():
        settings = settings_of(GateSettings, env_file)
        known = asyncio.run(_show(settings))
    _print(known, as_json=as_json)


@app.command()
def close(
    *,
    layer: LayerName,
    reason: Annotated[str, typer.Option(help="Why; it is recorded.")],
    by: By,
    as_json: AsJson = False,
    env_file: EnvFile = None,
) -> None:
    """Let no new mints begin while a layer is in maintenance; those in progress are finished."""
    events = [MaintenanceBegun(layer=each, by=by, reason=reason) for each in layer.layers]
    with told_in_one_line():
        if not (reason.strip() and by.strip()):
            raise Failed("say why, and who you are: it is recorded")
        settings = settings_of(GateSettings, env_file)
        known = asyncio.run(_announce(settings, events))
    _print(known, as_json=as_json)


@app.command("open")
def reopen(
    *,
    layer: LayerName,
    reason: Annotated[str, typer.Option(help="Why; it is recorded.")] = "done",
    by: By,
    as_json: AsJson = False,
    env_file: EnvFile = None,
) -> None:
    """End the maintenance of a layer; mints begin again if nothing else keeps them."""
    events = [MaintenanceEnded(layer=each, by=by, reason=reason) for each in layer.layers]
    with told_in_one_line():
        settings = settings_of(GateSettings, env_file)
        known = asyncio.run(_announce(settings, events))
    _print(known, as_json=as_json)


@dataclass(frozen=True, slots=True)
class _Connection:
    """What is announced of the layers, and where to announce more."""

    health: CompactedTopic
    control: CompactedTopic
    publisher: Publisher

    async def known(self, authority: str | None) -> Known:
        """All of it, at present."""
        reports = [_said(each.envelope) for each in (await self.health.present()).values()]
        control = [each.envelope for each in (await self.control.present()).values()]
        return Known(
            now=datetime.now(UTC),
            authority=authority,
            reports=tuple(report_of(event, time) for event, time in reports),
            maintenance=tuple(
                maintenance_of(each.event, each.time)
                for each in control
                if isinstance(each.event, MaintenanceBegun)
            ),
        )


def _said(envelope: Envelope) -> tuple[LayerHealthReported, datetime]:
    if not isinstance(envelope.event, LayerHealthReported):
        raise TypeError(f"{envelope.type} does not belong on {HEALTH.name}")
    return envelope.event, envelope.time


@asynccontextmanager
async def _listening(settings: GateSettings) -> AsyncIterator[_Connection]:
    async with (
        connected(settings, SOURCE) as kafka,
        CompactedTopic(kafka.cluster, kafka.codec, HEALTH) as health,
        CompactedTopic(kafka.cluster, kafka.codec, CONTROL) as control,
    ):
        yield _Connection(health, control, kafka.publisher)


async def _show(settings: GateSettings) -> Known:
    async with _listening(settings) as connection:
        return await connection.known(settings.solana_authority)


async def _announce(settings: GateSettings, events: Sequence[LayerEvent]) -> Known:
    now = datetime.now(UTC)
    envelopes = [root(event, id=uuid4(), source=SOURCE, time=now) for event in events]
    async with _listening(settings) as connection:
        await connection.publisher.publish(*envelopes)
        return await connection.known(settings.solana_authority)


def _print(known: Known, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(as_document(known), indent=2))
    else:
        page().print(table(known))

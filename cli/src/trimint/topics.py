"""`trimint topics`: create the topics that are not there."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer

from mint_events.admin import DEFAULT_PARTITIONS, ensure_topics
from mint_events.topics import TOPICS
from mint_runtime.settings import ServiceSettings
from trimint.failing import told_in_one_line
from trimint.mint import AsJson, EnvFile
from trimint.settings import settings_of


def topics(
    *,
    partitions: Annotated[
        int, typer.Option(min=1, help="Partitions of a new topic.")
    ] = DEFAULT_PARTITIONS,
    replication: Annotated[
        int, typer.Option(help="Copies of a new topic; -1: what the brokers have set.")
    ] = -1,
    as_json: AsJson = False,
    env_file: EnvFile = None,
) -> None:
    """Create every topic that is not there yet; those that are there stay as they are."""
    with told_in_one_line():
        settings = settings_of(ServiceSettings, env_file)
        created = asyncio.run(
            ensure_topics(settings.cluster, partitions=partitions, replication=replication)
        )
    names = [topic.name for topic in TOPICS]
    if as_json:
        typer.echo(json.dumps({"created": created, "topics": names}))
        return
    for name in names:
        typer.echo(f"{'created' if name in created else 'present'}  {name}")

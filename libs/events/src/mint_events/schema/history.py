"""Every version of every event type: what a record's schema is, said by its fingerprint.

The current version of a type is made from the catalogue. Older ones are in `superseded.json`, which
`python -m mint_events.schema` writes from `schemas/`, so that an installed package needs no files
but its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, get_args

import avro.schema
import fastavro

from mint_events.catalogue import Event
from mint_events.schema.derive import NAMESPACE, record_schema

EVENT_TYPES: tuple[type[Event], ...] = get_args(Event)

Definition = dict[str, Any]
Superseded = Mapping[str, Sequence[Definition]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SchemaVersion:
    """One version of an event type's schema; `parsed` is what fastavro reads and writes by."""

    event: type[Event]
    number: int
    definition: Definition
    fingerprint: bytes
    parsed: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All versions: of each type from the first to the current one, and by fingerprint."""

    versions: Mapping[type[Event], tuple[SchemaVersion, ...]]
    by_fingerprint: Mapping[bytes, SchemaVersion]

    def current(self, event: type[Event]) -> SchemaVersion:
        """The version that is written."""
        return self.versions[event][-1]

    def event_named(self, full_name: str) -> type[Event]:
        """The event type of a schema's full name; raises `ValueError` for an unknown one."""
        for event in self.versions:
            if full_name == f"{NAMESPACE}.{event.__name__}":
                return event
        raise ValueError(f"{full_name!r} is not an event of the catalogue")


def fingerprint(definition: Definition) -> bytes:
    """CRC-64-AVRO of the schema's parsing canonical form, 8 bytes, little-endian.

    Raises `avro.errors.AvroException` for what is not a schema.
    """
    fingerprinted: bytes = avro.schema.parse(json.dumps(definition)).fingerprint("CRC-64-AVRO")
    return fingerprinted


def superseded_versions() -> dict[str, list[Definition]]:
    """The older versions of each type, oldest first, as this package carries them."""
    text = files("mint_events").joinpath("superseded.json").read_text(encoding="utf-8")
    versions: dict[str, list[Definition]] = json.loads(text)
    return versions


def history_of(events: Iterable[type[Event]], superseded: Superseded) -> History:
    """The versions of these types: the superseded ones and, as current, what the code says."""
    versions = {event: _versions(event, superseded.get(event.__name__, ())) for event in events}
    every = [version for of_event in versions.values() for version in of_event]
    return History(versions=versions, by_fingerprint={v.fingerprint: v for v in every})


def load_history() -> History:
    """The versions of all events in the catalogue."""
    return history_of(EVENT_TYPES, superseded_versions())


def _versions(event: type[Event], older: Sequence[Definition]) -> tuple[SchemaVersion, ...]:
    definitions = [*older, record_schema(event)]
    return tuple(_version(event, number, d) for number, d in enumerate(definitions, start=1))


def _version(event: type[Event], number: int, definition: Definition) -> SchemaVersion:
    return SchemaVersion(
        event=event,
        number=number,
        definition=definition,
        fingerprint=fingerprint(definition),
        parsed=fastavro.parse_schema(definition),
    )

"""Which schema a record is written with: what this code knows, and what a registry tells it.

The look-up is in memory; the network is asked beforehand, in `prepare`.
"""

from __future__ import annotations

import json
from asyncio import gather
from collections.abc import Iterable, Mapping
from typing import Any

import fastavro
from avro.errors import AvroException
from fastavro.schema import SchemaParseException, UnknownType

from mint_events.catalogue import Event
from mint_events.framing import SchemaKey, confluent_header, single_object_header, unframe
from mint_events.registry import SchemaRegistry
from mint_events.schema.history import History, SchemaVersion, fingerprint

_NO_SCHEMA = (ValueError, LookupError, TypeError, AvroException, SchemaParseException, UnknownType)


class KnownSchemas:
    """Schemas by fingerprint, and by id in the registry as far as they were asked for."""

    def __init__(self, history: History, registry: SchemaRegistry | None) -> None:
        """Know `history`; write for the registry when there is one."""
        self._history = history
        self._registry = registry
        self._by_key: dict[SchemaKey, SchemaVersion] = dict(history.by_fingerprint.items())
        self._unusable: dict[SchemaKey, str] = {}
        self.frame_headers: Mapping[type[Event], bytes] = (
            {} if registry else _single_object_headers(history)
        )

    def written_with(self, key: SchemaKey) -> SchemaVersion:
        """The schema that `key` names; raises `ValueError` that says why there is none."""
        known = self._by_key.get(key)
        if known is None:
            raise ValueError(self._why_not(key))
        return known

    async def prepare(self, values: Iterable[bytes | None]) -> None:
        """Register what is written, and look up the ids that these values name.

        What is known already is not asked again. Raises the registry's failure.
        """
        if self._registry is None:
            return
        if not self.frame_headers:
            await self._register(self._registry)
        asked = self._by_key.keys() | self._unusable.keys()
        named = {schema_id for value in values for schema_id in _registry_ids(value)}
        await gather(*(self._look_up(self._registry, schema_id) for schema_id in named - asked))

    async def _register(self, registry: SchemaRegistry) -> None:
        current = [versions[-1] for versions in self._history.versions.values()]
        ids = await gather(*(registry.register(version) for version in current))
        by_id = dict(zip(ids, current, strict=True))
        self._by_key.update(by_id.items())
        self.frame_headers = {by_id[i].event: confluent_header(i) for i in by_id}

    async def _look_up(self, registry: SchemaRegistry, schema_id: int) -> None:
        text = await registry.definition(schema_id)
        if text is None:
            return
        try:
            self._by_key[schema_id] = self._version(json.loads(text))
        except _NO_SCHEMA as error:
            self._unusable[schema_id] = f"schema {schema_id} of the registry is no use: {error}"

    def _version(self, definition: dict[str, Any]) -> SchemaVersion:
        """A version of ours, or else another producer's schema of one of our types."""
        named = fingerprint(definition)
        return self._history.by_fingerprint.get(named) or self._foreign(definition, named)

    def _foreign(self, definition: dict[str, Any], named: bytes) -> SchemaVersion:
        parsed: Any = fastavro.parse_schema(definition)
        name = parsed.get("name") if isinstance(parsed, dict) else parsed
        event = self._history.event_named(str(name))
        return SchemaVersion(
            event=event,
            number=self._history.current(event).number,
            definition=definition,
            fingerprint=named,
            parsed=parsed,
        )

    def _why_not(self, key: SchemaKey) -> str:
        match key:
            case bytes():
                return (
                    f"no known schema has the fingerprint {key.hex()}: "
                    "deploy the version that knows it, then redrive"
                )
            case _ if self._registry is None:
                return f"its schema {key} is in a registry, and none is configured"
            case _:
                return self._unusable.get(key, f"the registry has no schema {key}")


def _single_object_headers(history: History) -> dict[type[Event], bytes]:
    return {
        event: single_object_header(versions[-1].fingerprint)
        for event, versions in history.versions.items()
    }


def _registry_ids(value: bytes | None) -> list[int]:
    """The id in the registry that a value names, if it is framed that way."""
    try:
        key, _ = unframe(value or b"")
    except ValueError:
        return []
    return [key] if isinstance(key, int) else []

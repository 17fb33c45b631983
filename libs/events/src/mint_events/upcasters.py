"""Old records read as today's events.

What Avro's schema resolution can say (a field added with a default, one removed) needs nothing
here. An upcaster is for a change of meaning: a function on the record as a dictionary, from one
version of a type to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from types import MappingProxyType
from typing import Any

import fastavro

from mint_events.plain import Plain
from mint_events.schema.history import History, SchemaVersion

Upcaster = Callable[[Plain], Plain]
Upcasters = Mapping[tuple[str, int], Upcaster]
"""By type and the version that it starts from; what it returns is of the version after that."""

UPCASTERS: Upcasters = MappingProxyType({})


def read_as_current(
    payload: bytes, written: SchemaVersion, history: History, upcasters: Upcasters
) -> Plain:
    """An Avro binary of any version as a dictionary of the current one.

    Each upcaster on the way sees its own version and returns the next; between them, Avro resolves.
    Raises what fastavro raises for bytes that are not of the written version, and `ValueError` for
    bytes left over.
    """
    versions = history.versions[written.event]
    for version in versions[written.number - 1 : -1]:
        upcaster = upcasters.get((written.event.__name__, version.number))
        if upcaster is not None:
            upcast = upcaster(read_binary(payload, written.parsed, version.parsed))
            written = versions[version.number]
            payload = write_binary(upcast, written.parsed)
    return read_binary(payload, written.parsed, versions[-1].parsed)


def read_binary(payload: bytes, written: Any, wanted: Any) -> Plain:
    """An Avro binary of the schema `written`, resolved to the schema `wanted`."""
    source = BytesIO(payload)
    plain: Any = fastavro.schemaless_reader(source, written, None if wanted is written else wanted)
    if source.read(1):
        raise ValueError("bytes are left over after the record")
    record: Plain = plain
    return record


def write_binary(plain: Plain, schema: Any) -> bytes:
    """A dictionary as the Avro binary of a schema."""
    target = BytesIO()
    fastavro.schemaless_writer(target, schema, plain, disable_tuple_notation=True)
    return target.getvalue()

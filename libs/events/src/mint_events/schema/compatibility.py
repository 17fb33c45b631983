"""Whether records of one schema can be read with another, by the rules of the `avro` package.

Avro's rule is one way: a reader and a writer. FULL_TRANSITIVE, which Trimint keeps, is both ways
between all versions of a type, so that services can be upgraded, and rolled back, in any order.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import permutations

import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from mint_events.schema.history import Definition


def why_unreadable(reader: Definition, writer: Definition) -> list[str]:
    """What keeps `reader` from reading records of `writer`; empty when nothing does."""
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call] # avro's is untyped
    verdict = checker.get_compatibility(
        avro.schema.parse(json.dumps(reader)), avro.schema.parse(json.dumps(writer))
    )
    if verdict.compatibility is SchemaCompatibilityType.compatible:
        return []
    places = sorted(verdict.locations)
    return [f"{message} at {', '.join(places)}" for message in sorted(verdict.messages)]


def breaks(versions: Sequence[Definition]) -> list[str]:
    """Every pair of versions, oldest first, of which one can not read the other, with the reason.

    Empty means that the type is FULL_TRANSITIVE compatible.
    """
    return [
        f"{reader['name']} v{reader_no} can not read v{writer_no}: {reason}"
        for (reader_no, reader), (writer_no, writer) in permutations(enumerate(versions, 1), 2)
        for reason in why_unreadable(reader, writer)
    ]

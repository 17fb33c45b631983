"""What the database knows of mints, read only."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from mint_resilience.failures import Outage

_MINT = "select * from mint_record where mint_id = $1"
_OF_USER = "select * from mint_record where user_id = $1 order by arrival nulls last, requested_at"
_LAYERS = "select * from consistency where mint_id = $1 order by layer"
_LOCK = "select mint_id from user_lock where user_id = $1"
_EVENTS = """
    select occurred_at, type, source, topic, partition, record_offset, decoded
    from event_store where mint_id = $1 order by occurred_at, sequence
"""
_HIDDEN = frozenset({"metadata_json"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRow:
    """What one layer should hold, what was seen there, and since when that is known."""

    layer: str
    expected: str | None
    seen: str | None
    verdict: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One event of a mint; `place` is `topic/partition/offset`."""

    at: datetime
    type: str
    source: str
    place: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MintRecord:
    """All that the database knows of one mint."""

    record: dict[str, Any]
    layers: tuple[LayerRow, ...]
    events: tuple[EventRow, ...]
    has_lock: bool


class Records:
    """Reads through one connection; `opened` makes it."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def mint(self, mint_id: str) -> MintRecord | None:
        """A mint with its layers and events; None for one that nobody asked for."""
        row = await self._connection.fetchrow(_MINT, mint_id)
        if row is None:
            return None
        lock = await self._connection.fetchval(_LOCK, row["user_id"])
        layers = await self._connection.fetch(_LAYERS, mint_id)
        events = await self._connection.fetch(_EVENTS, mint_id)
        return MintRecord(
            record=_visible(row),
            layers=tuple(_layer(layer) for layer in layers),
            events=tuple(_event(event) for event in events),
            has_lock=lock == mint_id,
        )

    async def of_user(self, user_id: str) -> list[dict[str, Any]]:
        """The user's mints in their order of arrival."""
        return [_visible(row) for row in await self._connection.fetch(_OF_USER, user_id)]


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Records]:
    """Connect to the database. Raises `Outage` that says so when that, or a query, fails."""
    try:
        connection = await asyncpg.connect(url, timeout=10.0)
    except (OSError, asyncpg.PostgresError) as error:
        raise Outage(f"the database does not answer: {error}; see {_VARIABLE}") from error
    try:
        yield Records(connection)
    except asyncpg.UndefinedTableError as error:
        raise Outage(f"the reconciler has not set up this database: {error}") from error
    finally:
        await connection.close()


_VARIABLE = "TRIMINT_DATABASE_READ_URL"


def _visible(row: asyncpg.Record) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _HIDDEN}


def _layer(row: asyncpg.Record) -> LayerRow:
    return LayerRow(
        layer=row["layer"],
        expected=row["expected"],
        seen=row["seen"],
        verdict=row["verdict"],
        since=row["since"],
    )


def _event(row: asyncpg.Record) -> EventRow:
    offset = row["record_offset"]
    place = f"{row['partition']}/{offset}" if offset is not None else "not published yet"
    return EventRow(
        at=row["occurred_at"],
        type=row["type"],
        source=row["source"],
        place=f"{row['topic']}/{place}",
        body=json.loads(row["decoded"]),
    )

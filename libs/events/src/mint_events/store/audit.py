"""Whether the event store is as it was written: every row is held against the hash chain (RE-1)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mint_events.store.chain import Content, content_hash, place_hash
from mint_events.store.connection import Connection
from mint_events.store.events import SHARDS

_HEADS = "SELECT shard, sequence, hash FROM event_shard ORDER BY shard"
_ROWS = """
SELECT position, shard, sequence, event_id, mint_id, type, source, correlation_id, causation_id,
    occurred_at, recorded_at, received, topic, key, headers::text AS headers,
    sha256(value) AS value_hash, decoded::text AS decoded,
    hash, partition, record_offset, place_hash
FROM event_store ORDER BY shard, sequence"""

_GENESIS = bytes(32)


class Damage(StrEnum):
    """What an audit can find."""

    CHANGED = "changed"
    """A row, or the one before it, is not as it was appended."""
    MISSING = "missing"
    """Rows between two others are gone."""
    CUT_OFF = "cut_off"
    """The end of a shard is not where its head says."""
    MOVED = "moved"
    """A record's place is not the one that was noted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Damage at one place of a shard."""

    shard: int
    sequence: int
    damage: Damage
    detail: str


@dataclass(slots=True)
class _Link:
    """The end of a shard's chain as far as it has been followed."""

    sequence: int = 0
    hash: bytes = _GENESIS


async def audit(conn: Connection) -> list[Finding]:
    """Everything that was changed, left out or removed; empty when the store is whole.

    It reads all rows of one snapshot, a few at a time, while others append.
    """
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        links = {shard: _Link() for shard in range(SHARDS)}
        findings = [finding async for finding in _rows(conn, links)]
        heads = {row["shard"]: row for row in await conn.fetch(_HEADS)}
    return findings + [
        finding
        for shard, link in links.items()
        for finding in _end_findings(shard, link, heads.get(shard))
    ]


async def _rows(conn: Connection, links: dict[int, _Link]) -> AsyncIterator[Finding]:
    async for row in conn.cursor(_ROWS, prefetch=100):
        link = links.setdefault(row["shard"], _Link())
        for damage, detail in _row_damage(row, link):
            yield Finding(
                shard=row["shard"], sequence=row["sequence"], damage=damage, detail=detail
            )
        link.sequence, link.hash = row["sequence"], row["hash"]


def _row_damage(row: Mapping[str, Any], link: _Link) -> list[tuple[Damage, str]]:
    """What is wrong with a row that should follow `link`."""
    damage: list[tuple[Damage, str]] = []
    expected = link.sequence + 1
    if row["sequence"] != expected:
        damage.append((Damage.MISSING, f"{expected} to {row['sequence'] - 1} are not there"))
    elif content_hash(link.hash, _content(row)) != row["hash"]:
        damage.append((Damage.CHANGED, f"event {row['event_id']} does not have its hash"))
    if not _is_in_place(row):
        damage.append((Damage.MOVED, f"event {row['event_id']} was not noted at this place"))
    return damage


def _end_findings(shard: int, link: _Link, head: Mapping[str, Any] | None) -> list[Finding]:
    if head is not None and (head["sequence"], head["hash"]) == (link.sequence, link.hash):
        return []
    said = head["sequence"] if head is not None else "nothing"
    detail = f"the head says {said}, the last row is {link.sequence}"
    return [Finding(shard=shard, sequence=link.sequence, damage=Damage.CUT_OFF, detail=detail)]


def _content(row: Mapping[str, Any]) -> Content:
    return Content(**{column: row[column] for column in Content.__slots__})


def _is_in_place(row: Mapping[str, Any]) -> bool:
    if row["place_hash"] is None:
        return not row["received"] and row["partition"] is None and row["record_offset"] is None
    noted = place_hash(row["hash"], row["topic"], row["partition"], row["record_offset"])
    return bool(row["place_hash"] == noted)

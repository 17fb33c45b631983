"""What Pinata knows about an account: its files, by id, and its requests to pin by CID.

Source of the shapes: docs.pinata.cloud/api-reference (v3).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mint_sandbox.ipfs.blockstore import connect

_SCHEMA = """
CREATE TABLE IF NOT EXISTS file (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT UNIQUE NOT NULL, network TEXT NOT NULL, cid TEXT NOT NULL, record TEXT NOT NULL,
    UNIQUE (network, cid)
);
CREATE TABLE IF NOT EXISTS job (
    place INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, record TEXT NOT NULL
);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """One file of the account."""

    id: str
    name: str
    cid: str
    size: int
    mime_type: str
    created_at: str
    network: str
    number_of_files: int = 1
    group_id: str | None = None
    keyvalues: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PinJob:
    """One request to pin by CID that is not done yet."""

    id: str
    name: str
    cid: str
    status: str
    date_queued: str
    group_id: str | None = None
    keyvalues: Mapping[str, str]
    host_nodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Some files, and the token that asks for those after them."""

    files: tuple[FileRecord, ...]
    next_page_token: str


class PinataFiles:
    """The account's files and jobs; one SQLite file, or memory."""

    def __init__(self, path: Path | None = None) -> None:
        self._db = connect(path)
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the account; one in memory is gone then."""
        self._db.close()

    def add(self, record: FileRecord) -> None:
        """Enter a new file; its CID must be new in its network."""
        row = (record.id, record.network, record.cid, _text(record))
        self._db.execute("INSERT INTO file (id, network, cid, record) VALUES (?, ?, ?, ?)", row)

    def by_id(self, network: str, file_id: str) -> FileRecord | None:
        """The file of that id."""
        return self._one("network = ? AND id = ?", network, file_id)

    def by_cid(self, network: str, cid: str) -> FileRecord | None:
        """The file of that content."""
        return self._one("network = ? AND cid = ?", network, cid)

    def update(self, record: FileRecord, changes: Mapping[str, Any]) -> FileRecord:
        """Change a file's name or key-values; the changed record."""
        changed = replace(record, **changes)
        self._db.execute("UPDATE file SET record = ? WHERE id = ?", (_text(changed), record.id))
        return changed

    def delete(self, record: FileRecord) -> None:
        """Remove a file."""
        self._db.execute("DELETE FROM file WHERE id = ?", (record.id,))

    def page(
        self, network: str, *, cid: str | None, name: str | None, token: str, limit: int
    ) -> Page:
        """Files of a network, the newest first, from the place that the token names."""
        rows = self._db.execute(
            "SELECT place, record FROM file WHERE network = ?1 AND (?2 IS NULL OR cid = ?2)"
            " AND (?3 IS NULL OR record ->> 'name' = ?3) AND (?4 = '' OR place < ?4 + 0)"
            " ORDER BY place DESC LIMIT ?5",
            (network, cid, name, token, limit + 1),
        ).fetchall()
        files = tuple(FileRecord(**json.loads(record)) for _, record in rows[:limit])
        return Page(files, str(rows[limit - 1][0]) if len(rows) > limit else "")

    def totals(self) -> tuple[int, int]:
        """How many files there are, and their bytes."""
        row = self._db.execute("SELECT count(*), coalesce(sum(record ->> 'size'), 0) FROM file")
        count, size = row.fetchone()
        return count, size

    def add_job(self, job: PinJob) -> None:
        """Enter a request to pin."""
        self._db.execute("INSERT INTO job (id, record) VALUES (?, ?)", (job.id, _text(job)))

    def jobs(self) -> tuple[PinJob, ...]:
        """The requests that are not done, the oldest first."""
        rows = self._db.execute("SELECT record FROM job ORDER BY place")
        return tuple(PinJob(**json.loads(record)) for (record,) in rows)

    def set_job_status(self, job: PinJob, status: str) -> None:
        """Move a request on."""
        text = _text(replace(job, status=status))
        self._db.execute("UPDATE job SET record = ? WHERE id = ?", (text, job.id))

    def delete_job(self, job_id: str) -> bool:
        """Remove a request, because it is done or cancelled; False when it is not there."""
        return self._db.execute("DELETE FROM job WHERE id = ?", (job_id,)).rowcount > 0

    def _one(self, condition: str, *values: str) -> FileRecord | None:
        statement = f"SELECT record FROM file WHERE {condition}"  # noqa: S608 - our own text
        row = self._db.execute(statement, values).fetchone()
        return FileRecord(**json.loads(row[0])) if row else None


def _text(record: FileRecord | PinJob) -> str:
    return json.dumps(asdict(record))

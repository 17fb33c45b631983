"""What a pinning service knows of an account: its requests to pin, several per CID if so wanted."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from mint_sandbox.ipfs.blockstore import connect

_SCHEMA = """
CREATE TABLE IF NOT EXISTS request (
    place INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, record TEXT NOT NULL
);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinRequest:
    """One request; `pin` is what the client sent."""

    requestid: str
    status: str
    created: str
    pin: Mapping[str, Any] = field(default_factory=dict)


class PinRequests:
    """The account's requests, the newest first; one SQLite file, or memory."""

    def __init__(
        self,
        path: Path | None = None,
        new_id: Callable[[], str] = lambda: str(uuid4()),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._db = connect(path)
        self._db.executescript(_SCHEMA)
        self._new_id = new_id
        self._now = now

    def close(self) -> None:
        """Close the account; one in memory is gone then."""
        self._db.close()

    def add(self, pin: Mapping[str, Any]) -> PinRequest:
        """Take a new request."""
        request = PinRequest(
            requestid=self._new_id(), status="queued", created=self._now().isoformat(), pin=pin
        )
        row = (request.requestid, json.dumps(asdict(request)))
        self._db.execute("INSERT INTO request (id, record) VALUES (?, ?)", row)
        return request

    def get(self, request_id: str) -> PinRequest | None:
        """The request of that id."""
        found = self._db.execute("SELECT record FROM request WHERE id = ?", (request_id,))
        row = found.fetchone()
        return PinRequest(**json.loads(row[0])) if row else None

    def find(
        self, *, cids: Collection[str], name: str | None, statuses: Collection[str]
    ) -> list[PinRequest]:
        """Requests for any of these CIDs (none given: for all), in any of these states."""
        rows = self._db.execute("SELECT record FROM request ORDER BY place DESC")
        requests = (PinRequest(**json.loads(record)) for (record,) in rows)
        return [
            request
            for request in requests
            if request.status in statuses
            and (not cids or request.pin["cid"] in cids)
            and name in (None, request.pin.get("name"))
        ]

    def set_status(self, request: PinRequest, status: str) -> None:
        """Move a request on."""
        text = json.dumps(asdict(replace(request, status=status)))
        self._db.execute("UPDATE request SET record = ? WHERE id = ?", (text, request.requestid))

    def delete(self, request_id: str) -> None:
        """Remove a request."""
        self._db.execute("DELETE FROM request WHERE id = ?", (request_id,))

"""The projection made again from the event store, by the code that runs live (RE-2).

`python -m reconciler.replay --check [--mint MINT_ID]` compares it with the tables, prints every
difference, and exits with 1 when there is one. It reads one snapshot, beside the live projection.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from mint_events.catalogue import SystemEvent
from mint_events.codec import Codec
from mint_events.envelope import Envelope
from mint_events.state import MintState, Status, evolve, status_of
from mint_events.store import START, Stored, decode, load, read_global
from mint_events.store.connection import Connection
from mint_runtime.connection import codec_of
from mint_runtime.settings import load_or_exit
from reconciler.projection import document_in, rows_of
from reconciler.settings import ReconcilerSettings
from reconciler.table import Table
from reconciler.tables import DOCUMENTS, PARTS, STATES, USERS, UserRow, document_rows, state_row

_PAGE = 500

Rows = Mapping[str, Mapping[tuple[Any, ...], Any]]
"""Of each table its rows, by key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A row that is not the same live and replayed; None where there is none."""

    table: str
    key: tuple[Any, ...]
    live: Any
    replayed: Any

    def __str__(self) -> str:
        key = "/".join(map(str, self.key))
        return f"{self.table} {key}:\n  live     {self.live}\n  replayed {self.replayed}"


@dataclass(slots=True)
class Projection:
    """What the events that were folded so far lead to."""

    states: dict[str, MintState] = field(default_factory=dict)
    documents: dict[str, bytes] = field(default_factory=dict)

    def fold(self, envelope: Envelope) -> None:
        """One more event, in the order of the store; those about no mint change none."""
        if isinstance(envelope.event, SystemEvent):
            return
        mint_id = envelope.mint_id
        before = self.states.get(mint_id, MintState(mint_id=mint_id))
        document = document_in(envelope, before)
        if document is not None:
            self.documents[mint_id] = document
        state = evolve(before, envelope)
        if state != before:  # the key of a dead letter may be no mint's
            self.states[mint_id] = state

    def rows(self) -> dict[str, dict[tuple[Any, ...], Any]]:
        """The rows of all mints, without their users' sums."""
        rows = [rows_of(state) for state in self.states.values()]
        found = {t.name: _by_key(t, [row for r in rows for row in part(r)]) for t, part in PARTS}
        found[STATES.name] = _by_key(STATES, [state_row(state) for state in self.states.values()])
        found[DOCUMENTS.name] = _by_key(DOCUMENTS, document_rows(self.documents))
        return found

    def user_rows(self) -> dict[tuple[Any, ...], UserRow]:
        """Per user the sum over the mints; right only when all mints were folded."""
        completed: dict[str, list[MintState]] = {}
        for state in self.states.values():
            if state.terms and status_of(state) is Status.COMPLETED:
                completed.setdefault(state.terms.user_id, []).append(state)
        return _by_key(USERS, [_user_row(user, states) for user, states in completed.items()])


async def differences(
    connection: Connection, codec: Codec, mint_id: str | None = None
) -> list[Difference]:
    """Compare the tables with a replay of all mints, or of one, in one snapshot of the database.

    Raises `Poison` for an event that can not be decoded any more.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        projection = Projection()
        async for event in _events(connection, mint_id):
            await codec.prepare([event.value])
            projection.fold(decode(codec, event).envelope)
        return list(_compare(await _live(connection, mint_id), _replayed(projection, mint_id)))


def _replayed(projection: Projection, mint_id: str | None) -> Rows:
    rows = projection.rows()
    return rows if mint_id else {**rows, USERS.name: projection.user_rows()}


async def _events(connection: Connection, mint_id: str | None) -> AsyncIterator[Stored]:
    if mint_id is not None:
        for event in await load(connection, mint_id):
            yield event
        return
    cursor = START
    while (page := await read_global(connection, cursor, _PAGE)).events:
        cursor = page.cursor
        for event in page.events:
            yield event


async def _live(connection: Connection, mint_id: str | None) -> Rows:
    tables: list[Table[Any]] = [STATES, DOCUMENTS, *(table for table, _ in PARTS)]
    if mint_id is None:
        tables.append(USERS)
    where = {"mint_id": mint_id} if mint_id else {}
    return {t.name: _by_key(t, await t.read(connection, **where)) for t in tables}


def _by_key(table: Table[Any], rows: Sequence[Any]) -> dict[tuple[Any, ...], Any]:
    return {table.key_of(row): row for row in rows}


def _compare(live: Rows, replayed: Rows) -> Iterator[Difference]:
    for table in sorted(live):
        ours, theirs = live[table], replayed[table]
        for key in sorted({*ours, *theirs}):
            if ours.get(key) != theirs.get(key):
                yield Difference(table=table, key=key, live=ours.get(key), replayed=theirs.get(key))


def _user_row(user_id: str, completed: Sequence[MintState]) -> UserRow:
    return UserRow(
        user_id=user_id,
        nft_count=len(completed),
        highest_level=max(state.terms.level for state in completed if state.terms),
        updated_at=max(state.completion.at for state in completed if state.completion),
    )


async def _check(settings: ReconcilerSettings, mint_id: str | None) -> int:
    async with AsyncExitStack() as stack:
        codec = await stack.enter_async_context(codec_of(settings.schema_registry_url))
        connection = await asyncpg.connect(settings.database_url.get_secret_value())
        stack.push_async_callback(connection.close)
        found = await differences(connection, codec, mint_id)
    sys.stdout.writelines(f"{difference}\n" for difference in found)
    sys.stdout.write(f"{len(found)} differences\n")
    return 1 if found else 0


def main() -> None:
    """Compare as the arguments say; exits with 1 when live and replayed rows differ."""
    parser = argparse.ArgumentParser(prog="python -m reconciler.replay", description=__doc__)
    parser.add_argument("--check", action="store_true", required=True, help="print differences")
    parser.add_argument("--mint", metavar="MINT_ID", help="of this mint alone")
    arguments = parser.parse_args()
    sys.exit(asyncio.run(_check(load_or_exit(ReconcilerSettings), arguments.mint)))


if __name__ == "__main__":
    main()

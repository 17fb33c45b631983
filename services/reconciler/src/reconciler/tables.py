"""The projection's tables, and how the rows of changed mints get there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from mint_events.state import ConsistencyRow, MintState, dumps
from mint_events.store.connection import Connection
from reconciler.projection import LockRow, MintRow, ReferenceRow, Rows, rows_of
from reconciler.table import Table

R = TypeVar("R")
Change = tuple[MintState, MintState]
"""A mint's state before and after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRow:
    """A row of `mint_state`."""

    mint_id: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRow:
    """A row of `user_record`: how many NFTs the user has, and their highest level."""

    user_id: str
    nft_count: int
    highest_level: int
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRow:
    """A row of `mint_document`: the metadata JSON, byte for byte."""

    mint_id: str
    metadata_json: bytes


STATES = Table(name="mint_state", row=StateRow, key=("mint_id",))
MINTS = Table(name="mint_record", row=MintRow, key=("mint_id",))
CONSISTENCY = Table(name="consistency", row=ConsistencyRow, key=("mint_id", "layer"))
LOCKS = Table(name="user_lock", row=LockRow, key=("user_id",))
REFERENCES = Table(name="ipfs_reference", row=ReferenceRow, key=("reference", "mint_id"))
DOCUMENTS = Table(name="mint_document", row=DocumentRow, key=("mint_id",))
USERS = Table(name="user_record", row=UserRow, key=("user_id",))

Part = tuple[Table[Any], Callable[[Rows], tuple[Any, ...]]]

PARTS: tuple[Part, ...] = (
    (MINTS, lambda rows: rows.mints),
    (CONSISTENCY, lambda rows: rows.consistency),
    (LOCKS, lambda rows: rows.locks),
    (REFERENCES, lambda rows: rows.references),
)
"""The tables with rows of a single mint, in the order in which they refer to each other."""

_COUNT_USERS = """
    INSERT INTO user_record (user_id, nft_count, highest_level, updated_at)
    SELECT user_id, count(*), max(level), max(completed_at)
    FROM mint_record
    WHERE user_id = ANY($1::text[]) AND status = 'completed'
    GROUP BY user_id
    ON CONFLICT (user_id) DO UPDATE SET
        nft_count = excluded.nft_count,
        highest_level = excluded.highest_level,
        updated_at = excluded.updated_at
"""


async def write_changes(
    connection: Connection, changes: Sequence[Change], documents: Mapping[str, bytes]
) -> None:
    """Bring the rows of these mints, and their users' sums, to the states after.

    `documents` holds the metadata JSON of mints that were pinned just now.
    """
    rows = [(rows_of(before), rows_of(after)) for before, after in changes]
    await STATES.upsert(connection, [state_row(after) for _, after in changes])
    for table, part in PARTS:
        await _write(connection, table, [(part(old), part(new)) for old, new in rows])
    await DOCUMENTS.upsert(connection, document_rows(documents))
    users = _users_with_another_nft(changes)
    if users:
        await connection.execute(_COUNT_USERS, users)


async def _write(
    connection: Connection, table: Table[R], rows: Sequence[tuple[Sequence[R], Sequence[R]]]
) -> None:
    """Write what differs; first what is gone, so that a lock can pass from mint to mint."""
    before = {table.key_of(row): row for old, _ in rows for row in old}
    after = {table.key_of(row): row for _, new in rows for row in new}
    await table.delete(connection, [row for key, row in before.items() if key not in after])
    await table.upsert(connection, [row for key, row in after.items() if before.get(key) != row])


def state_row(state: MintState) -> StateRow:
    """The snapshot of a state."""
    return StateRow(mint_id=state.mint_id, state=dumps(state))


def document_rows(documents: Mapping[str, bytes]) -> list[DocumentRow]:
    """The rows of these metadata JSONs, by mint."""
    return [DocumentRow(mint_id=mint_id, metadata_json=d) for mint_id, d in documents.items()]


def _users_with_another_nft(changes: Iterable[Change]) -> list[str]:
    """Users of the mints that were completed just now, sorted."""
    users = {
        after.terms.user_id
        for before, after in changes
        if after.terms and after.completion and not before.completion
    }
    return sorted(users)

"""Numbered SQL files, each applied once, in order, under a lock, and never changed afterwards."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from mint_events.store.connection import Connection
from mint_resilience.failures import Permanent

_FILE = re.compile(r"(?P<number>\d{4})_[a-z0-9_]+\.sql")
_LOCK = 0x7472696D696E74  # "trimint"
_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migration (
    component  text        NOT NULL,
    number     integer     NOT NULL,
    name       text        NOT NULL,
    checksum   text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (component, number)
)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file: `checksum` is its SHA-256."""

    number: int
    name: str
    sql: str
    checksum: str


async def migrate(conn: Connection, directory: Traversable, component: str) -> list[str]:
    """Apply the files of `directory` that the database does not have; return their names.

    `component` names the set, since several share a database. All of it is one transaction; of
    several processes that start at once one applies, the others wait and find it done. Numbers in
    the database beyond the files are a newer version's and are left alone.
    Raises `Permanent` when a file is misnamed, or was changed after it had been applied.
    """
    migrations = migrations_in(directory)
    async with conn.transaction():
        await conn.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await conn.execute(_LEDGER)
        applied = await _applied(conn, component)
        due = _due(migrations, applied, component)
        for migration in due:
            await conn.execute(migration.sql)
            await _record(conn, component, migration)
    return [migration.name for migration in due]


async def migrate_store(conn: Connection) -> list[str]:
    """Create the event store's tables, or bring them up to date."""
    return await migrate(conn, files("mint_events.store") / "migrations", "event_store")


def migrations_in(directory: Traversable) -> list[Migration]:
    """The migrations of a folder in their order.

    Raises `Permanent` for a name that is not `NNNN_what_it_does.sql`, and for numbers that do not
    go up from 1 by 1.
    """
    names = sorted(file.name for file in directory.iterdir() if file.name.endswith(".sql"))
    migrations = [_read(directory / name) for name in names]
    for expected, migration in enumerate(migrations, start=1):
        if migration.number != expected:
            raise Permanent(f"migration {migration.name}: number {expected:04} is expected here")
    return migrations


def _read(file: Traversable) -> Migration:
    name = _FILE.fullmatch(file.name)
    if name is None:
        raise Permanent(f"migration {file.name}: its name must be NNNN_what_it_does.sql")
    content = file.read_bytes()
    return Migration(
        number=int(name["number"]),
        name=file.name,
        sql=content.decode(),
        checksum=hashlib.sha256(content).hexdigest(),
    )


async def _applied(conn: Connection, component: str) -> dict[int, str]:
    """Checksums of what the database has, by number."""
    rows = await conn.fetch(
        "SELECT number, checksum FROM schema_migration WHERE component = $1", component
    )
    return {row["number"]: row["checksum"] for row in rows}


def _due(
    migrations: Sequence[Migration], applied: dict[int, str], component: str
) -> list[Migration]:
    for migration in migrations:
        if applied.get(migration.number, migration.checksum) != migration.checksum:
            raise Permanent(
                f"migration {migration.name} of {component} was changed after it had been applied: "
                "restore it and add a new one"
            )
    return [migration for migration in migrations if migration.number not in applied]


async def _record(conn: Connection, component: str, migration: Migration) -> None:
    await conn.execute(
        "INSERT INTO schema_migration (component, number, name, checksum) VALUES ($1, $2, $3, $4)",
        component,
        migration.number,
        migration.name,
        migration.checksum,
    )

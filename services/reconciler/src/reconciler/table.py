"""A table whose rows are dataclasses, written many at a time.

One statement takes all rows as arrays, a column each, so a batch costs the same few round trips
whatever its size.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from types import NoneType
from typing import Any, Generic, TypeVar, get_args, get_type_hints

from mint_events.store.connection import Connection

R = TypeVar("R")

_POSTGRES_TYPES: Mapping[type, str] = {
    bool: "boolean",  # before int, of which it is one
    int: "bigint",
    str: "text",
    bytes: "bytea",
    datetime: "timestamptz",
}


@dataclass(frozen=True, kw_only=True)
class Table(Generic[R]):
    """`row` is the dataclass whose fields are the columns, `key` names the primary key's columns.
    Names come from the code, never from data, so they need no quoting.
    """

    name: str
    row: type[R]
    key: tuple[str, ...]

    @cached_property
    def columns(self) -> Mapping[str, str]:
        """Names of the columns and their types in PostgreSQL."""
        return {name: _postgres_type(hint) for name, hint in get_type_hints(self.row).items()}

    async def upsert(self, connection: Connection, rows: Sequence[R]) -> None:
        """Write rows, in place of those with the same key."""
        if rows:
            await connection.execute(self._upsert, *_arrays(self.columns, rows))

    async def delete(self, connection: Connection, rows: Sequence[R]) -> None:
        """Remove the rows with the keys of these."""
        if rows:
            await connection.execute(self._delete, *_arrays(self.key, rows))

    async def read(self, connection: Connection, **equal: object) -> list[R]:
        """The rows whose columns equal these; without any, all rows."""
        query = f"SELECT {', '.join(self.columns)} FROM {self.name}"  # noqa: S608 - see above
        terms = [f"{name} = ${number}" for number, name in enumerate(equal, start=1)]
        where = f" WHERE {' AND '.join(terms)}" if terms else ""
        records = await connection.fetch(query + where, *equal.values())
        return [self.row(**dict(record)) for record in records]

    def key_of(self, row: R) -> tuple[Any, ...]:
        """The row's primary key."""
        return tuple(getattr(row, column) for column in self.key)

    @cached_property
    def _upsert(self) -> str:
        changes = [f"{name} = excluded.{name}" for name in self.columns if name not in self.key]
        action = f"UPDATE SET {', '.join(changes)}" if changes else "NOTHING"
        arrays = _placeholders(self.columns.values())
        return (
            f"INSERT INTO {self.name} ({', '.join(self.columns)})"  # noqa: S608 - see above
            f" SELECT * FROM unnest({arrays})"
            f" ON CONFLICT ({', '.join(self.key)}) DO {action}"
        )

    @cached_property
    def _delete(self) -> str:
        arrays = _placeholders(self.columns[name] for name in self.key)
        keys = ", ".join(self.key)
        return f"DELETE FROM {self.name} WHERE ({keys}) IN (SELECT * FROM unnest({arrays}))"  # noqa: S608 - see above


def _placeholders(types: Iterable[str]) -> str:
    return ", ".join(f"${number}::{name}[]" for number, name in enumerate(types, start=1))


def _arrays(columns: Iterable[str], rows: Sequence[object]) -> list[list[Any]]:
    return [[getattr(row, column) for row in rows] for column in columns]


def _postgres_type(hint: Any) -> str:
    inner = next((arg for arg in get_args(hint) if arg is not NoneType), hint)
    return next(name for python, name in _POSTGRES_TYPES.items() if issubclass(inner, python))

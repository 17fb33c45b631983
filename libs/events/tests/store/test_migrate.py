from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from mint_events.store import migrate
from mint_resilience.failures import Permanent
from mint_sandbox.postgres import Database


def write(folder: Path, **files: str) -> Path:
    for name, sql in files.items():
        (folder / f"{name.removeprefix('n')}.sql").write_text(sql)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, n0001_one="CREATE TABLE one ()", n0002_two="CREATE TABLE two ()")


async def run(database: Database, folder: Path, component: str = "test") -> list[str]:
    conn = await asyncpg.connect(database.socket_dsn())
    try:
        return await migrate(conn, folder, component)
    finally:
        await conn.close()


async def test_each_file_is_applied_once_in_order(database: Database, folder: Path) -> None:
    assert await run(database, folder) == ["0001_one.sql", "0002_two.sql"]
    write(folder, n0003_three="CREATE TABLE three ()")
    assert await run(database, folder) == ["0003_three.sql"]
    assert await run(database, folder) == []


async def test_processes_that_start_at_once_apply_it_once(database: Database, folder: Path) -> None:
    results = await asyncio.gather(*(run(database, folder) for _ in range(5)))
    assert sorted(map(len, results)) == [0, 0, 0, 0, 2]


async def test_two_components_share_a_database(
    database: Database, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = write(tmp_path_factory.mktemp("other"), n0001_own="CREATE TABLE own ()")
    await run(database, folder, "first")
    assert await run(database, other, "second") == ["0001_own.sql"]


async def test_a_file_that_was_changed_after_it_had_been_applied_is_refused(
    database: Database, folder: Path
) -> None:
    await run(database, folder)
    write(folder, n0001_one="CREATE TABLE other ()")
    with pytest.raises(Permanent, match=r"0001_one.sql of test was changed"):
        await run(database, folder)


async def test_a_file_that_fails_leaves_nothing_behind(database: Database, folder: Path) -> None:
    write(folder, n0003_bad="CREATE TABLE three (); SELECT 1/0")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await run(database, folder)
    (folder / "0003_bad.sql").unlink()
    assert await run(database, folder) == ["0001_one.sql", "0002_two.sql"]


async def test_a_newer_versions_migrations_are_left_alone(database: Database, folder: Path) -> None:
    await run(database, folder)
    (folder / "0002_two.sql").unlink()
    assert await run(database, folder) == []


@pytest.mark.parametrize("name", ["0003_Three", "three", "0004_four"])
async def test_a_misnamed_file_is_refused(database: Database, folder: Path, name: str) -> None:
    (folder / f"{name}.sql").write_text("SELECT 1")
    with pytest.raises(Permanent, match=name):
        await run(database, folder)

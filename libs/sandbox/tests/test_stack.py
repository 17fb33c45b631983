"""A whole sandbox comes and goes without a trace, beside others, and from the command line."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from mint_sandbox.process import StartFailure
from mint_sandbox.stack import Stack, StackOptions

QUICK = StackOptions(slot_ms=50)


@pytest.fixture
def temporary_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder that all temporary folders of this test go to."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)  # for PostgreSQL's account
        monkeypatch.setenv("TMPDIR", name)
        monkeypatch.setattr(tempfile, "tempdir", name)
        yield Path(name)


def contents(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def exists(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] not in "ZX"


async def command(*arguments: str, folder: Path) -> tuple[int | None, dict[str, str]]:
    """Run `python -m mint_sandbox …` to its end: the exit code and the environment it printed."""
    argv = [sys.executable, "-m", "mint_sandbox", *arguments]
    process = await asyncio.create_subprocess_exec(
        *argv, stdout=asyncio.subprocess.PIPE, cwd=folder
    )
    output, _ = await process.communicate()
    return process.returncode, environment(output.decode())


def environment(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


async def test_a_stack_leaves_no_process_and_no_folder(temporary_folder: Path) -> None:
    async with Stack(QUICK) as stack:
        pids = [process.pid for process in stack.servers.processes]
        assert all(pid is not None and exists(pid) for pid in pids)
        assert contents(temporary_folder)

    assert not any(pid is not None and exists(pid) for pid in pids)
    assert contents(temporary_folder) == []


async def test_a_stack_that_can_not_start_leaves_nothing(
    temporary_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = Stack(QUICK)
    monkeypatch.setattr(stack.servers.ipfs, "_argv", [sys.executable, "-c", "exit(3)", "x.ipfs"])

    with pytest.raises(StartFailure, match="exit status 3"):
        await stack.start()

    assert not any(node.process.running for node in stack.servers.kafka.nodes)
    assert contents(temporary_folder) == []


async def test_two_stacks_run_side_by_side() -> None:
    async with Stack(QUICK) as one, Stack(QUICK) as other:
        alike = {name for name in one.env if one.env[name] == other.env[name]}
        assert alike == {"TRIMINT_KAFKA_TOPIC_PREFIX", "TRIMINT_PINATA_JWT"}
        for stack in (one, other):
            connection = await asyncpg.connect(stack.env["TRIMINT_DATABASE_URL"])
            await connection.execute("CREATE TABLE mine ()")
            await connection.close()


async def test_in_the_background_until_it_is_told_to_stop(tmp_path: Path) -> None:
    env_file = tmp_path / "trimint.env"
    up = ("up", "--detach", "--slot-ms", "50", "--env-file", str(env_file))

    code, env = await command(*up, folder=tmp_path)
    assert code == 0
    assert environment(env_file.read_text()) == env

    admin = AIOKafkaAdminClient(bootstrap_servers=env["TRIMINT_KAFKA_BROKERS"])
    await admin.start()
    assert "mint.requests" in await admin.list_topics()
    await admin.close()

    code, status = await command("status", folder=tmp_path)
    assert (code, status | env) == (0, status)
    assert (await command(*up, folder=tmp_path))[0] == 1

    assert (await command("down", folder=tmp_path))[0] == 0
    assert not exists(int(status["TRIMINT_SANDBOX_PID"]))
    assert contents(tmp_path) == []
    assert (await command("status", folder=tmp_path))[0] == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_in_the_foreground_until_a_signal(
    temporary_folder: Path, number: signal.Signals
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mint_sandbox", "up", "--slot-ms", "50"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert (await process.stdout.readline()).startswith(b"TRIMINT_KAFKA_BROKERS=127.0.0.1:")

    os.kill(process.pid, number)

    assert await process.wait() == 0
    assert contents(temporary_folder) == []


async def test_a_kept_stack_goes_on_with_its_data_and_its_key(temporary_folder: Path) -> None:
    options = StackOptions(slot_ms=50, keep=temporary_folder / "kept")
    async with Stack(options) as stack:
        authority = stack.tenant.authority
        connection = await asyncpg.connect(stack.env["TRIMINT_DATABASE_URL"])
        await connection.execute("CREATE TABLE kept ()")
        await connection.close()

    async with Stack(options) as stack:
        assert stack.tenant.authority == authority
        connection = await asyncpg.connect(stack.env["TRIMINT_DATABASE_READ_URL"])
        assert await connection.fetch("SELECT * FROM kept") == []
        await connection.close()

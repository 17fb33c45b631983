"""Children of the sandbox: they say when they are ready, end in steps, and never outlive us."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from mint_sandbox.process import ChildProcess, Command, StartFailure

READY = "import sys, time; print('{\"port\": 7}', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('{}', flush=True); time.sleep(600)"
)
BROKEN = "import sys; sys.exit('no room on this machine')"
TALKATIVE = "import time; print('hello', flush=True); time.sleep(600)"
PARENT = """
import asyncio, sys
from pathlib import Path
from mint_sandbox.process import ChildProcess, Command

async def main():
    child = ChildProcess("child", Command([sys.executable, "-c", {code!r}]), Path({folder!r}))
    child.spawn()
    await child.ready_line()
    print(child.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def child(folder: Path, code: str) -> ChildProcess:
    return ChildProcess("child", Command([sys.executable, "-c", code]), folder)


def exists(pid: int) -> bool:
    """Whether the process runs; one that has ended but was not yet collected does not."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] not in "ZX"


async def test_a_child_is_ready_when_it_has_said_so(tmp_path: Path) -> None:
    process = child(tmp_path, READY)
    process.spawn()

    assert await process.ready_line() == {"port": 7}

    await process.stop()
    assert not process.running


async def test_a_child_that_ends_before_it_is_ready_is_reported_with_its_log(
    tmp_path: Path,
) -> None:
    process = child(tmp_path, BROKEN)
    process.spawn()

    with pytest.raises(StartFailure, match=r"(?s)exit status 1.*no room on this machine"):
        await process.ready_line()


async def test_a_first_line_that_is_no_json_is_reported(tmp_path: Path) -> None:
    process = child(tmp_path, TALKATIVE)
    process.spawn()

    with pytest.raises(StartFailure, match="hello"):
        await process.ready_line()

    await process.kill()


async def test_a_child_that_ignores_the_polite_signal_is_killed(tmp_path: Path) -> None:
    process = child(tmp_path, STUBBORN)
    process.spawn()
    await process.ready_line()
    pid = process.pid

    await process.stop(patience=0.05)

    assert pid is not None
    assert not exists(pid)


async def test_a_child_can_be_started_again_after_its_kill(tmp_path: Path) -> None:
    process = child(tmp_path, READY)
    process.spawn()
    await process.ready_line()
    await process.kill()

    process.spawn()

    assert await process.ready_line() == {"port": 7}
    await process.kill()


async def test_a_running_child_is_not_started_twice(tmp_path: Path) -> None:
    process = child(tmp_path, READY)
    process.spawn()

    with pytest.raises(RuntimeError, match="runs already"):
        process.spawn()

    await process.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_a_child_dies_with_its_parent_however_that_ends(
    tmp_path: Path, number: signal.Signals
) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PARENT.format(code=READY, folder=str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert parent.stdout is not None
    orphan = int(await parent.stdout.readline())
    assert exists(orphan)

    os.kill(parent.pid, number)
    await parent.wait()

    async with asyncio.timeout(10):
        while exists(orphan):  # noqa: ASYNC110 - nothing tells us of the end of a grandchild
            await asyncio.sleep(0.01)


FAMILY = """
import subprocess, sys, time
code = "import time; print('{}', flush=True); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
print('{"child": %d}' % child.pid, flush=True)
child.wait()
"""


def state(pid: int) -> str:
    """The one letter that the kernel has for what the process does; T is stopped (proc(5))."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


async def test_a_paused_process_stands_still_with_all_its_descendants(tmp_path: Path) -> None:
    process = child(tmp_path, FAMILY)
    process.spawn()
    grandchild = (await process.ready_line())["child"]
    assert process.pid is not None
    members = (process.pid, grandchild)

    process.pause()
    await until_states(members, {"T"})
    process.resume()
    await until_states(members, {"S", "R"})

    process.pause()
    await process.stop(patience=10)
    assert not process.running
    os.kill(grandchild, signal.SIGKILL)  # it leads a group of its own and outlives its parent


async def until_states(pids: tuple[int, ...], wanted: set[str]) -> None:
    async with asyncio.timeout(10):
        while not {state(pid) for pid in pids} <= wanted:  # noqa: ASYNC110 - signals tell nobody
            await asyncio.sleep(0.01)

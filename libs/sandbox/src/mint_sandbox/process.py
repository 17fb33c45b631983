"""A child process that never outlives its parent, with its output in files and an end in steps.

Linux kills the child when the parent dies, however it dies (`PR_SET_PDEATHSIG`, see prctl(2));
elsewhere an exit hook of the interpreter does what can be done. Each child leads its own process
group, so a Ctrl-C in the terminal reaches the parent only and the whole family can be signalled.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
import weakref
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

POLL_INTERVAL: Final = 0.01
"""Seconds between two looks at a condition."""

_PR_SET_PDEATHSIG: Final = 1  # <linux/prctl.h>
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


class StartFailure(Exception):  # noqa: N818 - a failure to start, not a fault of the program
    """A process ended, or stayed silent, before it was ready; the message ends with its log."""


@dataclass(frozen=True, slots=True)
class Account:
    """The system account a child runs as, when it must not be ours."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Command:
    """What to run: arguments, environment on top of ours, folder, account.

    `stop_signal` asks for a clean end; `orphan_signal` is what the child gets when we die.
    """

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL


_living: weakref.WeakSet[ChildProcess] = weakref.WeakSet()


class ChildProcess:
    """One supervised child; it can be started again after its end.

    Standard output goes to `<name>.out` and standard error to `<name>.log` in `folder`, appended
    over restarts. Must be started from a thread that lives as long as the child should.
    """

    def __init__(self, name: str, command: Command, folder: Path) -> None:
        self.name = name
        self.command = command
        self.output_file = folder / f"{name}.out"
        self.log_file = folder / f"{name}.log"
        self._popen: subprocess.Popen[bytes] | None = None
        self._output_start = 0

    @property
    def pid(self) -> int | None:
        """The id of the running process, or None."""
        return self._popen.pid if self._popen and self.running else None

    @property
    def running(self) -> bool:
        """Whether the process has been started and has not ended."""
        return self._popen is not None and self._popen.poll() is None

    def spawn(self) -> None:
        """Start the process and return at once.

        Raises `RuntimeError` when it runs already and `OSError` when it can not be run.
        """
        if self.running:
            raise RuntimeError(f"{self.name} runs already (pid {self.pid})")
        with self.output_file.open("ab") as output, self.log_file.open("ab") as log:
            self._output_start = output.tell()
            self._popen = _popen(self.command, output.fileno(), log.fileno())
        _living.add(self)

    async def until(
        self, ready: Callable[[], Awaitable[bool]], *, within: float, what: str
    ) -> None:
        """Wait until `ready()` is true; look again every few milliseconds.

        Raises `StartFailure` when the process ends or `within` seconds pass first.
        """
        deadline = time.monotonic() + within
        while not await ready():
            if not self.running:
                raise StartFailure(self._obituary(f"ended before {what}"))
            if time.monotonic() > deadline:
                raise StartFailure(self._obituary(f"no {what} within {within:g} s"))
            await asyncio.sleep(POLL_INTERVAL)

    async def ready_line(self, *, within: float = 30.0) -> dict[str, Any]:
        """The first line of standard output since the start, which must be a JSON object.

        Raises `StartFailure` when the process ends, stays silent or says something else.
        """

        async def written() -> bool:
            return b"\n" in self._output()

        await self.until(written, within=within, what="its line of JSON")
        line = self._output().split(b"\n", 1)[0]
        with contextlib.suppress(json.JSONDecodeError):
            if isinstance(answer := json.loads(line), dict):
                return answer
        raise StartFailure(self._obituary(f"expected a JSON object, it said {line[:200]!r}"))

    async def stop(self, *, patience: float = 10.0) -> None:
        """Ask for a clean end, wait up to `patience` seconds, then kill the process group."""
        if self.running:
            self.resume()
            self._signal(self.command.stop_signal)
            if not await self._ended(patience):
                await self.kill()
        self._forget()

    async def ended(self, *, within: float) -> int:
        """Wait until it has ended by itself; its exit status, negative for a signal's number.

        Raises `TimeoutError` when it still runs after so many seconds, `RuntimeError` when it was
        never started.
        """
        if self._popen is None:
            raise RuntimeError(f"{self.name} has not been started")
        if not await self._ended(within):
            raise TimeoutError(f"{self.name} still runs after {within:g} s:\n{self.log_tail()}")
        return self._popen.returncode

    async def kill(self) -> None:
        """End the process group with SIGKILL and wait until the process is gone."""
        self._signal(signal.SIGKILL, group=True)
        await self._ended(None)
        self._forget()

    def pause(self) -> None:
        """Stop the process and all its descendants where they are (SIGSTOP): they hold what they
        hold, and answer nobody.
        """
        self._signal_family(signal.SIGSTOP)

    def resume(self) -> None:
        """Let them go on (SIGCONT)."""
        self._signal_family(signal.SIGCONT)

    def log_tail(self, size: int = 2000) -> str:
        """The last `size` bytes of each of the two files, as text."""
        files = (self.output_file, self.log_file)
        tails = (file.read_bytes()[-size:].decode(errors="replace") for file in files)
        return "\n".join(tails).strip()

    def _output(self) -> bytes:
        with self.output_file.open("rb") as output:
            output.seek(self._output_start)
            return output.read()

    def _obituary(self, what: str) -> str:
        status = self._popen.poll() if self._popen else None
        return f"{self.name}: {what} (exit status {status}); end of its log:\n{self.log_tail()}"

    async def _ended(self, patience: float | None) -> bool:
        deadline = None if patience is None else time.monotonic() + patience
        while self.running:
            if deadline is not None and time.monotonic() > deadline:
                return False
            await asyncio.sleep(POLL_INTERVAL)
        return True

    def _signal(self, number: signal.Signals, *, group: bool = False) -> None:
        if self._popen is None or self._popen.poll() is not None:
            return
        if group:
            os.killpg(self._popen.pid, number)
        else:
            self._popen.send_signal(number)

    def _signal_family(self, number: signal.Signals) -> None:
        if self.pid is not None:
            for pid in family(self.pid):
                with contextlib.suppress(ProcessLookupError):  # it ended in between
                    os.kill(pid, number)

    def _forget(self) -> None:
        _living.discard(self)


def family(pid: int) -> list[int]:
    """The process and its descendants, also those that lead groups of their own, parents first.

    Without `/proc` (macOS) the process alone.
    """
    children: defaultdict[int, list[int]] = defaultdict(list)
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended in between
            # pid (name) state parent …: the name may hold spaces and brackets (proc(5))
            parent = status.read_text(errors="replace").rpartition(")")[2].split()[1]
            children[int(parent)].append(int(status.parent.name))
    found = [pid]
    for member in found:
        found.extend(children[member])
    return found


def _popen(command: Command, output: int, log: int) -> subprocess.Popen[bytes]:
    account = command.account
    return subprocess.Popen(  # noqa: S603 - every argument is ours, no shell
        command.argv,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=log,
        cwd=command.cwd,
        env={**os.environ, **command.env},
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        start_new_session=True,
        preexec_fn=_die_with_parent(command.orphan_signal),
    )


def _die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """What the child does between fork and exec: ask for `number` at the parent's death."""
    libc, parent = _LIBC, os.getpid()
    if libc is None:
        return None

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # it died before we had asked
            os.kill(os.getpid(), signal.SIGKILL)

    return ask


@atexit.register
def _end_all() -> None:
    for child in list(_living):
        child._signal(signal.SIGKILL, group=True)  # noqa: SLF001 - the module's own hook

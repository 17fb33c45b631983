"""Where a sandbox that runs in the background says that it runs: a folder with a lock and a file.

The lock is held by the running process and freed by the kernel, so a process id that has been given
to somebody else is never taken for the sandbox.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from mint_sandbox.env_file import write_private


class AlreadyRunning(Exception):  # noqa: N818 - it is a state, not a fault
    """Another sandbox is registered in the folder; the message says how to stop it."""


@dataclass(frozen=True, slots=True)
class Running:
    """A sandbox in the background: its process, and the environment for services."""

    pid: int
    env: Mapping[str, str]


class Registration:
    """The folder of one background sandbox; `.sandbox` in the working directory by default."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self.log_file = self._folder / "sandbox.log"
        self._lock_file = self._folder / "lock"
        self._state_file = self._folder / "state.json"
        self._lock: TextIO | None = None

    def hold(self) -> None:
        """Hold the folder until this process ends; raises `AlreadyRunning`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = self._lock_file.open("a+")  # stays open: the kernel frees the lock at the end
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning(
                f"a sandbox of {self._folder} runs already: `trimint sandbox down` stops it"
            ) from error
        self._state_file.unlink(missing_ok=True)  # what a killed one left
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()

    def announce(self, env: Mapping[str, str]) -> None:
        """Say that this process is ready, with the environment for services."""
        write_private(self._state_file, json.dumps(asdict(Running(os.getpid(), dict(env)))))

    def running(self) -> Running | None:
        """The sandbox that runs and is ready, or None."""
        if self.holder() is None or not self._state_file.exists():
            return None
        return Running(**json.loads(self._state_file.read_text()))

    def holder(self) -> int | None:
        """The id of the process that holds the folder, ready or not; None when none does."""
        if not self._lock_file.exists():
            return None
        with self._lock_file.open("r") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = lock.read()
                return int(holder) if holder else self.holder()  # it is about to write its id
            return None

    def clear(self) -> None:
        """Remove what a background sandbox leaves: its log, lock and state; the folder if empty."""
        for file in (self._state_file, self.log_file, self._lock_file):
            file.unlink(missing_ok=True)
        if self._folder.is_dir() and not any(self._folder.iterdir()):
            self._folder.rmdir()

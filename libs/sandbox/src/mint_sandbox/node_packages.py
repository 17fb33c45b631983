"""Other people's JavaScript, installed once from its lock file, for what is compared with it."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path
from typing import Final

_INSTALL: Final = ("ci", "--ignore-scripts", "--no-audit", "--no-fund")


class NodeUnavailableError(RuntimeError):
    """There is no node or npm; the message says what to do."""


def node_with_packages(folder: Path) -> str:
    """The path of node, with the packages of that folder's lock file installed beside it.

    Processes side by side install once. Raises `NodeUnavailableError`, and `CalledProcessError`
    when npm can not install them.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NodeUnavailableError("needs node and npm on the PATH (Debian: nodejs npm)")
    with (folder / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_installed(folder):
            subprocess.run(  # noqa: S603 - every argument is ours, no shell
                [npm, *_INSTALL], cwd=folder, check=True, capture_output=True
            )
    return node


def _is_installed(folder: Path) -> bool:
    """Whether what is installed is not older than the lock file."""
    installed = folder / "node_modules" / ".package-lock.json"
    wanted = folder / "package-lock.json"
    return installed.exists() and installed.stat().st_mtime >= wanted.stat().st_mtime

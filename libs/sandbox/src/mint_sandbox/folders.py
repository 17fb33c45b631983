"""The folder a server of the sandbox keeps its state in: temporary, unless it is to be kept."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path


class SandboxFolder:
    """A new temporary folder, or `keep/<name>`, which stays when the server ends."""

    def __init__(self, name: str, keep: Path | None = None) -> None:
        self._name = name
        self._keep = keep
        self._path: Path | None = None

    def make(self) -> Path:
        """The folder, made if it is not there."""
        if self._path is None:
            self._path = self._kept() or self._temporary()
        return self._path

    def remove(self) -> None:
        """Delete the folder with all that is in it, unless it is to be kept."""
        if self._path is not None and self._keep is None:
            shutil.rmtree(self._path)
        self._path = None

    def _kept(self) -> Path | None:
        if self._keep is None:
            return None
        path = self._keep.resolve() / self._name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def _temporary(self) -> Path:
        return Path(tempfile.mkdtemp(prefix=f"trimint-{self._name}-"))

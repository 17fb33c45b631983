"""Kubo's `ipfs`, built from its source once: `python -m mint_sandbox.ipfs.kubo_build tools/kubo`.

The version, and the checksums of all it is made of, are those of the Go module in that folder. A
build takes about four minutes on two cores; the binary then lies in
`${XDG_CACHE_HOME:-~/.cache}/trimint/kubo-VERSION/`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from mint_sandbox.cache import cache_folder, exclusive

_PACKAGE: Final = "github.com/ipfs/kubo/cmd/ipfs"
_REQUIRED: Final = re.compile(r"^\s*github\.com/ipfs/kubo v(\S+)", re.MULTILINE)
_TIMEOUT: Final = 1800.0  # seconds; a slow machine that has to load all modules first
_LOG_SHOWN: Final = 2000


class KuboUnavailableError(RuntimeError):
    """There is no binary and none can be built; the message says why and what to do."""


def kubo_binary(module: Path) -> Path:
    """The `ipfs` that this Go module requires, from the cache, built first if need be.

    Processes side by side build once. Raises `KuboUnavailableError`.
    """
    version = required_version(module)
    binary = cache_folder() / f"kubo-{version}" / "ipfs"
    if not binary.exists():
        with exclusive(cache_folder() / f"kubo-{version}.lock"):
            if not binary.exists():
                _build(module, binary)
    return binary


def required_version(module: Path) -> str:
    """The version of Kubo in the module's `go.mod`; raises `KuboUnavailableError` if none is."""
    found = _REQUIRED.search((module / "go.mod").read_text())
    if found is None:
        raise KuboUnavailableError(f"{module / 'go.mod'} does not require {_PACKAGE}")
    return found[1]


def _build(module: Path, binary: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise KuboUnavailableError(f"{binary} is missing; put go on the PATH to build it")
    with tempfile.TemporaryDirectory(dir=cache_folder()) as folder:
        _install(go, module, folder)
        binary.parent.mkdir(exist_ok=True)
        (Path(folder) / binary.name).replace(binary)


def _install(go: str, module: Path, folder: str) -> None:
    command = [go, "install", "-mod=readonly", "-trimpath", "-ldflags=-s -w", _PACKAGE]
    ours = {"GOBIN": folder, "CGO_ENABLED": "0"}
    env = {"GOTOOLCHAIN": "auto", **os.environ, **ours}  # a compiler as new as Kubo asks for
    try:
        subprocess.run(  # noqa: S603 - every argument is ours, no shell
            command, cwd=module, env=env, check=True, capture_output=True, timeout=_TIMEOUT
        )
    except subprocess.CalledProcessError as error:
        told = error.stderr.decode(errors="replace")[-_LOG_SHOWN:]
        raise KuboUnavailableError(f"{go} could not build Kubo:\n{told}") from error
    except subprocess.TimeoutExpired as error:
        raise KuboUnavailableError(f"{go} did not build Kubo within {_TIMEOUT:g} s") from error


def main() -> None:
    """Print where the binary is."""
    try:
        sys.stdout.write(f"{kubo_binary(Path(sys.argv[1]))}\n")
    except KuboUnavailableError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

"""An environment as text that a shell or a process manager reads."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path


def render(env: Mapping[str, str]) -> str:
    """`NAME=value` lines, quoted for a POSIX shell where that is needed."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in env.items())


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    partial.replace(path)

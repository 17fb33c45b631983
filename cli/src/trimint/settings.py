"""Where Kafka and the database are: from the environment, or from an env file."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TypeVar

from pydantic import Field, SecretStr

from mint_runtime.settings import ServiceSettings, load
from trimint.failing import Failed

ENV_FILE_VARIABLE = "TRIMINT_ENV_FILE"


class DatabaseSettings(ServiceSettings):
    """What `status` needs: the services' variables, and the database."""

    database_read_url: SecretStr = Field(
        description="postgresql:// URL of a role that may only SELECT"
    )


S = TypeVar("S", bound=ServiceSettings)


def settings_of(settings: type[S], env_file: Path | None) -> S:
    """Read the settings; what the env file says goes before the environment.

    The file is the one given, else the one that `TRIMINT_ENV_FILE` names, else none. Raises
    `SettingsError` for a bad value and `Failed` for a file that can not be read.
    """
    named = os.environ.get(ENV_FILE_VARIABLE)
    path = env_file or (Path(named) if named else None)
    if path is not None:
        os.environ.update(read_env_file(path))
    return load(settings)


def read_env_file(path: Path) -> dict[str, str]:
    """The `NAME=value` lines of a file, quoted as for a POSIX shell.

    Raises `Failed` when the file can not be read or a line is something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"{path}: not a readable env file ({error}); check --env-file") from error
    pairs: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = shlex.split(line, comments=True)
        if words:
            pairs |= _pair(words, f"{path}:{number}")
    return pairs


def _pair(words: list[str], where: str) -> dict[str, str]:
    name, equals, value = words[-1].partition("=")
    if not equals or words[:-1] not in ([], ["export"]):
        raise Failed(f"{where}: expected NAME=value")
    return {name: value}

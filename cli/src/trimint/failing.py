"""How a command fails: with one line on stderr that says what to do, and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import typer

from mint_resilience.failures import Failure
from mint_runtime.settings import BAD_SETTINGS_EXIT_CODE, SettingsError


class Exit(IntEnum):
    """Exit codes: 1 when mints did not complete, 2 for what the caller can correct, 3 for what
    the other side did not do, 4 for what is not there.
    """

    OK = 0
    INCOMPLETE = 1
    USAGE = BAD_SETTINGS_EXIT_CODE
    UNREACHABLE = 3
    NOT_FOUND = 4


class Failed(Exception):  # noqa: N818 - it is the end of a command, not a fault of the program
    """The command can not do what it was asked; the message is one line that says what to do."""

    def __init__(self, message: str, code: Exit = Exit.USAGE) -> None:
        super().__init__(message)
        self.code = code


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """End the command with one line and its code when something inside fails in a known way."""
    try:
        yield
    except Failed as error:
        _end(str(error), error.code)
    except SettingsError as error:
        _end(str(error), Exit.USAGE)
    except Failure as failure:
        _end(str(failure), Exit.UNREACHABLE)


def _end(message: str, code: Exit) -> None:
    sys.stderr.write(f"trimint: {' '.join(message.split())}\n")
    raise typer.Exit(code)

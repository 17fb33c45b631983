"""Where tables and lines go."""

from __future__ import annotations

from rich.console import Console

WIDE = 140
"""Columns of output that is no terminal: room for an address and a CID on one line."""


def page(*, stderr: bool = False) -> Console:
    """The terminal, or for pipes and logs a page that is wide enough for the tables."""
    here = Console(stderr=stderr)
    return here if here.is_terminal else Console(stderr=stderr, width=WIDE)

"""The command line: mint, status, dead letters, topics, sandbox, demo."""

from __future__ import annotations

from typing import Final

SOURCE: Final = "trimint-cli"
"""Who events come from that a command publishes."""

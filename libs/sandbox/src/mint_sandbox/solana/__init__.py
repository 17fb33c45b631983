"""A Solana cluster on this machine: the real virtual machine behind the real JSON-RPC."""

from __future__ import annotations

from mint_sandbox.solana.ledger import Genesis
from mint_sandbox.solana.program import ProgramUnavailableError, token_metadata_program
from mint_sandbox.solana.server import Endpoint, Running, serve

__all__ = [
    "Endpoint",
    "Genesis",
    "ProgramUnavailableError",
    "Running",
    "serve",
    "token_metadata_program",
]

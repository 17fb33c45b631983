"""The side of a sandbox server that only tests and operators talk to: what it was asked."""

from __future__ import annotations

from mint_sandbox.control.endpoints import Control, Controlled

__all__ = ["Control", "Controlled"]

"""The side of a sandbox server that only tests and operators talk to: its calls and its faults."""

from __future__ import annotations

from mint_sandbox.control.endpoints import Asked, Control, Controlled

__all__ = ["Asked", "Control", "Controlled"]

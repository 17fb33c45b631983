"""How an endpoint of the sandbox misbehaves, when it is told to: as data, by seed.

`model` says what can be wrong, `schedule` and `downtime` decide when (both pure), `effects` do it.
"""

from __future__ import annotations

from mint_sandbox.faults.model import Fault, Kind, When

__all__ = ["Fault", "Kind", "When"]

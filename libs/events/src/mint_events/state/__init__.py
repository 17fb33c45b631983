"""The consistency state of a mint: a pure function of its events (RE-2)."""

from mint_events.state.consistency import LAYERS, ConsistencyRow, Verdict, consistency_rows
from mint_events.state.facts import Asset, MintState, Pinning, Terms
from mint_events.state.fingerprint import fingerprint
from mint_events.state.fold import evolve, fold
from mint_events.state.serial import dumps, loads
from mint_events.state.status import (
    FINAL,
    Status,
    holds_lock,
    holds_user_back,
    is_verified,
    status_of,
)

__all__ = [
    "FINAL",
    "LAYERS",
    "Asset",
    "ConsistencyRow",
    "MintState",
    "Pinning",
    "Status",
    "Terms",
    "Verdict",
    "consistency_rows",
    "dumps",
    "evolve",
    "fingerprint",
    "fold",
    "holds_lock",
    "holds_user_back",
    "is_verified",
    "loads",
    "status_of",
]

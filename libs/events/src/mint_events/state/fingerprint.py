"""What a request says, as one hash: equal for the same body, whatever schema version wrote it.

Only fields that differ from their default count, so a field that a later schema adds (with a
default) changes no older request's fingerprint.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, Field, fields, is_dataclass
from hashlib import sha256
from typing import Any

from mint_events.catalogue import MintRequested


def fingerprint(request: MintRequested) -> str:
    """SHA-256 over the request's non-default fields in canonical JSON, lower-case hex."""
    text = json.dumps(_canonical(request), sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def _canonical(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"sha256": sha256(value).hexdigest()}
    if isinstance(value, tuple):
        return [_canonical(item) for item in value]
    if is_dataclass(value):
        return {f.name: _canonical(getattr(value, f.name)) for f in _said(value)}
    return value


def _said(value: Any) -> list[Field[Any]]:
    """The fields of a dataclass that do not hold their default."""
    return [f for f in fields(value) if f.default is MISSING or getattr(value, f.name) != f.default]

"""The event store: every event of every topic once, in order per mint, append-only (RE-1).

`append` inside the transaction that decides; `load` one mint; `read_global` follows all; `pending`
and `mark_published` are the outbox; `audit` finds any change, gap or removal; `migrate` applies
numbered SQL files, the store's own (`migrate_store`) and others'.
"""

from mint_events.store.append import append
from mint_events.store.audit import Damage, Finding, audit
from mint_events.store.events import (
    Appended,
    NewEvent,
    Outcome,
    Place,
    Stored,
    own_event,
    received_event,
)
from mint_events.store.migrate import migrate, migrate_store
from mint_events.store.outbox import mark_published, pending, take_relay
from mint_events.store.read import START, Cursor, Page, decode, load, read_global

__all__ = [
    "START",
    "Appended",
    "Cursor",
    "Damage",
    "Finding",
    "NewEvent",
    "Outcome",
    "Page",
    "Place",
    "Stored",
    "append",
    "audit",
    "decode",
    "load",
    "mark_published",
    "migrate",
    "migrate_store",
    "own_event",
    "pending",
    "read_global",
    "received_event",
    "take_relay",
]

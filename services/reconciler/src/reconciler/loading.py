"""Reading what a batch needs to know: states of its mints, heads of its users' queues, references.

Three statements whatever the batch's size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from mint_events.catalogue import (
    AssetPinFailed,
    AssetsPinned,
    MintEvent,
    MintRequested,
    PinnedAsset,
)
from mint_events.state import MintState, loads
from mint_events.store.connection import Connection
from reconciler.projection import ReferenceRow

_STATES = "SELECT state FROM mint_state WHERE mint_id = ANY($1::text[])"

_QUEUES = """
    SELECT mint_state.state
    FROM unnest($1::text[], $2::bigint[]) AS asked (user_id, most)
    CROSS JOIN LATERAL (
        SELECT mint_id FROM mint_record
        WHERE user_id = asked.user_id AND holds_user_back
        ORDER BY arrival
        LIMIT asked.most
    ) AS waiting
    JOIN mint_state USING (mint_id)
"""

_REFERENCES = "SELECT reference, mint_id FROM ipfs_reference WHERE reference = ANY($1::text[])"


async def load_states(connection: Connection, events: Sequence[MintEvent]) -> list[MintState]:
    """The states of the events' mints, and of their users the mints that come first.

    Of each user one mint more than the batch has of his: at most those can be released by it.
    """
    own = await _states(connection, sorted({event.mint_id for event in events}))
    users = _mints_per_user(events, own)
    rows = await connection.fetch(_QUEUES, list(users), [count + 1 for count in users.values()])
    queued = (loads(row["state"]) for row in rows)
    return list({state.mint_id: state for state in (*queued, *own)}.values())


async def load_references(
    connection: Connection, events: Sequence[MintEvent], states: Sequence[MintState]
) -> list[ReferenceRow]:
    """Which mints need the content that these events may cause to be unpinned."""
    wanted = _unpinnable(events, states)
    if not wanted:
        return []
    rows = await connection.fetch(_REFERENCES, sorted(wanted))
    return [ReferenceRow(reference=row["reference"], mint_id=row["mint_id"]) for row in rows]


async def _states(connection: Connection, mint_ids: Sequence[str]) -> list[MintState]:
    return [loads(row["state"]) for row in await connection.fetch(_STATES, mint_ids)]


def _mints_per_user(events: Iterable[MintEvent], states: Iterable[MintState]) -> Counter[str]:
    known = {(state.terms.user_id, state.mint_id) for state in states if state.terms}
    asked = {(e.user_id, e.mint_id) for e in events if isinstance(e, MintRequested)}
    # Nobody whose id holds a NUL has a mint in work, and PostgreSQL could not be asked.
    return Counter(user_id for user_id, _ in known | asked if "\0" not in user_id)


def _unpinnable(events: Sequence[MintEvent], states: Sequence[MintState]) -> set[str]:
    """CIDs and hashes of what mints have pinned that failed, or fail now."""
    failing = {event.mint_id for event in events if isinstance(event, AssetPinFailed)}
    failing |= {state.mint_id for state in states if state.pin_failure}
    stored = {
        n for s in states if s.mint_id in failing for a in s.assets for n in (a.cid, a.sha256)
    }
    return stored.union(*(_pinned_by(event) for event in events if event.mint_id in failing))


def _pinned_by(event: MintEvent) -> set[str]:
    assets: tuple[PinnedAsset, ...] = ()
    if isinstance(event, AssetsPinned):
        media = (event.image, event.animation) if event.animation else (event.image,)
        assets = (*media, event.metadata)
    elif isinstance(event, AssetPinFailed):
        assets = event.pinned
    return {name for asset in assets for name in (asset.cid, asset.sha256)}

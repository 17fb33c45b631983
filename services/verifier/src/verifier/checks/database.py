"""The database: does the record say what the chain says, and is nothing left over?

Statuses are those of `mint_record.status`. The database follows the events, so it may lag; what has
not been written yet is undecided, never failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from verifier.expectation import Expectation
from verifier.verdict import Verdict, compare, failed, passed, undecided

DENYING = frozenset({"rejected", "failed"})
"""Statuses that say that there is no NFT."""

LOCKED = frozenset({"prepared", "submitted", "confirmed"})
"""Statuses in which a mint has to hold its user's lock."""

MAY_BE_LOCKED = LOCKED | {"intervention", "verified"}
"""A mint that waits for a person, or one that gives it back only when completed, may hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSeen:
    """A row of `mint_record`, as far as it can be compared."""

    mint_id: str
    user_id: str
    wallet: str
    level: int
    status: str
    mint_address: str | None
    metadata_cid: str | None
    image_cid: str | None
    uri: str | None
    name: str
    symbol: str
    is_mutable: bool
    animation_cid: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRowsSeen:
    """What the database holds for a user, read in one snapshot.

    `statuses` has the user's unfinished mints and the one in question; `lock_holder` is the mint_id
    in the user's lock.
    """

    statuses: Mapping[str, str]
    lock_holder: str | None


def record_agrees(expected: Expectation, record: RecordSeen | None) -> Verdict:
    """The mint's record exists, describes this very NFT, and does not deny that it exists."""
    if record is None:
        return failed(record="absent", mint_id=expected.mint_id)
    if record.status in DENYING:
        return failed(status=f"{record.status}, but the NFT is on chain at {expected.mint}")
    return compare(
        {
            "user_id": expected.user_id,
            "wallet": str(expected.wallet),
            "level": expected.level,
            "mint_address": str(expected.mint),
            "metadata_cid": str(expected.metadata_cid),
            "image_cid": str(expected.image_cid),
            "uri": expected.uri,
            "name": expected.name,
            "symbol": expected.symbol,
            "is_mutable": expected.is_mutable,
            "animation_cid": str(expected.animation_cid) if expected.animation_cid else None,
        },
        {
            "user_id": record.user_id,
            "wallet": record.wallet,
            "level": record.level,
            "mint_address": record.mint_address,
            "metadata_cid": record.metadata_cid,
            "image_cid": record.image_cid,
            "uri": record.uri,
            "name": record.name,
            "symbol": record.symbol,
            "is_mutable": record.is_mutable,
            "animation_cid": record.animation_cid,
        },
    )


def nothing_orphaned(expected: Expectation, rows: UserRowsSeen) -> Verdict:
    """No mint of the user is in work without the lock, and no lock is without a mint in work."""
    status = rows.statuses.get(expected.mint_id)
    evidence = {"status": status, "lock_holder": rows.lock_holder}
    if status is None:
        return failed(**evidence, orphan=f"the record of {expected.mint_id} is gone")
    if status in LOCKED:
        return undecided(**evidence, waits_for="the database to record phase 1")
    orphans = [*_unlocked_mints(rows), *_orphaned_lock(expected, rows)]
    return failed(**evidence, orphan="; ".join(orphans)) if orphans else passed(**evidence)


def _unlocked_mints(rows: UserRowsSeen) -> list[str]:
    return [
        f"{mint_id} is {status} without the lock"
        for mint_id, status in rows.statuses.items()
        if status in LOCKED and mint_id != rows.lock_holder
    ]


def _orphaned_lock(expected: Expectation, rows: UserRowsSeen) -> list[str]:
    """A lock of a mint that is final or unknown, or that this mint was to give back by now."""
    if rows.lock_holder is None:
        return []
    status = rows.statuses.get(rows.lock_holder, "final or unknown")
    ours_until_verified = rows.lock_holder == expected.mint_id and not expected.lock_until_completed
    allowed = MAY_BE_LOCKED - ({"verified"} if ours_until_verified else set())
    return [] if status in allowed else [f"the lock's holder {rows.lock_holder} is {status}"]

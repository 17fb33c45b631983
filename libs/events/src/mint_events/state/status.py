"""Where a mint stands (MF-8), and whether it still holds its user back (MF-5).

Both follow from the facts alone, never from the order in which they were learnt.
"""

from __future__ import annotations

from enum import StrEnum

from mint_events.catalogue import LockHold
from mint_events.state.facts import MintState


class Status(StrEnum):
    """The states of a mint; the last three stand beside the line that leads to `completed`."""

    REQUESTED = "requested"
    PINNED = "pinned"
    PREPARED = "prepared"
    SUBMITTED = "submitted"
    CONFIRMED = "confirmed"
    VERIFIED = "verified"
    COMPLETED = "completed"
    REJECTED = "rejected"
    FAILED = "failed"
    INTERVENTION = "intervention"


FINAL = frozenset({Status.COMPLETED, Status.REJECTED, Status.FAILED})
"""States that no mint leaves."""


def status_of(state: MintState) -> Status:
    """The mint's state; one that is decided by us wins over the line's progress."""
    return _decided(state) or _progress(state)


def is_verified(state: MintState) -> bool:
    """Whether the NFT is on chain and phase 1 has passed, in whichever order they were read."""
    return state.confirmation is not None and state.has_passed(1)


def holds_user_back(state: MintState) -> bool:
    """Whether the user's next mint has to wait for this one: accepted and not yet released.

    Once false it stays false, so that a lock which was given back is never claimed again.
    """
    return state.acceptance is not None and not _released(state)


def holds_lock(state: MintState) -> bool:
    """Whether the mint owns its user's lock."""
    return state.preparation is not None and not _released(state)


def _released(state: MintState) -> bool:
    if state.completion or state.failing:
        return True
    prepared = state.preparation
    return (
        prepared is not None
        and prepared.lock_held_until is LockHold.VERIFIED
        and is_verified(state)
    )


def _decided(state: MintState) -> Status | None:
    decisions = (
        (state.completion, Status.COMPLETED),
        (state.failing, Status.FAILED),
        (state.intervention, Status.INTERVENTION),
        (state.rejection if state.acceptance is None else None, Status.REJECTED),
    )
    return next((status for fact, status in decisions if fact is not None), None)


def _progress(state: MintState) -> Status:
    if is_verified(state):
        return Status.VERIFIED
    steps = (
        (state.confirmation, Status.CONFIRMED),
        (state.submission, Status.SUBMITTED),
        (state.preparation, Status.PREPARED),
        (state.pinning, Status.PINNED),
    )
    return next((status for fact, status in steps if fact is not None), Status.REQUESTED)

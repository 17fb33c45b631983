"""Who is heard of what was read, and who is believed: what was seen may be of before. Pure.

Of what stays once it is there, whoever has seen it is believed. Of what another transaction may
undo, who has read last is: as far on as everything that is known, and after our own transaction,
after it has landed or after its life.
"""

from __future__ import annotations

from collections.abc import Sequence

from solders.pubkey import Pubkey

from chain_minter.chain import Report
from chain_minter.confirmation import Found
from chain_minter.goals import Goal
from chain_minter.submission import Submission
from mint_resilience.failures import Transient


def recent(reports: Sequence[Report], mint: Pubkey, since: int) -> list[Report]:
    """Those that were read at slot `since` or later. Raises `Transient` when none was."""
    found = [report for report in reports if report.read_slot >= since]
    if not found:
        raise Transient(
            f"no endpoint has got to slot {since}, where {mint} was last known to change: ask again"
        )
    return found


def found_by_each(
    goal: Goal, reports: Sequence[Report], pending: Submission | None, *, everywhere: bool
) -> list[Found]:
    """How much of the goal each report shows, as far as it is believed."""
    if goal.lasts:
        return [goal.found(report.there) for report in reports]
    newest = max(reports, key=_slot)
    believed = pending is None or _is_read_after(pending, reports, newest, everywhere)
    return [goal.found(newest.there) if believed else Found.PART] * len(reports)


def settled_slot(reports: Sequence[Report]) -> int:
    """What most of them have finalized, and where a transaction has landed that they tell of."""
    finalized = sorted(report.finalized_slot for report in reports)
    return max(finalized[(len(finalized) - 1) // 2], *map(_landed_at, reports))


def _is_read_after(
    pending: Submission, reports: Sequence[Report], newest: Report, everywhere: bool
) -> bool:
    landed = max(map(_landed_at, reports))
    if landed:
        return newest.read_slot >= landed
    expired = newest.finalized_height > pending.event.last_valid_block_height
    return everywhere and expired and newest.read_slot >= newest.finalized_slot


def _landed_at(report: Report) -> int:
    """The slot in which the transaction succeeded, 0 if it is not known to have."""
    status = report.status
    return status.slot if status and status.error is None else 0


def _slot(report: Report) -> int:
    return report.read_slot

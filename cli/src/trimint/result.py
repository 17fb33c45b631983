"""What became of mints, as a table for a person."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from mint_events.catalogue import CheckOutcome
from trimint.board import COLOURS
from trimint.progress import CheckSeen, Progress

LAYERS = ("solana", "ipfs", "database", "partner")
_MARKS = {
    CheckOutcome.PASSED: ("✓", "green"),
    CheckOutcome.FAILED: ("✗", "red"),
    CheckOutcome.INCONCLUSIVE: ("?", "yellow"),
}


def result_table(done: Sequence[Progress]) -> Table:
    """One row for each mint: what it is, where it is, and how it ended."""
    table = Table("mint", "user", "level", "status", "NFT address", "metadata CID", "seconds")
    for progress in done:
        table.add_row(
            progress.request.mint_id,
            progress.request.user_id,
            str(progress.request.level),
            Text(progress.status, COLOURS.get(progress.status, "")),
            progress.mint_address or "",
            _cid_or_trouble(progress),
            f"{progress.seconds:.1f}",
        )
    return table


def _cid_or_trouble(progress: Progress) -> Text:
    """How the mint failed, if it did."""
    if progress.is_over and not progress.is_completed and progress.trouble:
        return Text(progress.trouble, COLOURS.get(progress.status, ""), overflow="fold")
    return Text(progress.metadata_cid or "", overflow="fold")


def layer_text(progress: Progress, layer: str) -> Text:
    """For each phase a mark per check of the layer, and when the last came after the request."""
    of_layer = [seen for seen in progress.checks if seen.event.layer == layer]
    phases = [[s for s in of_layer if s.event.phase == phase] for phase in (1, 2)]
    parts = [_phase_text(progress, seen) for seen in phases if seen]
    return Text(" · ").join(parts) if parts else Text("—", "dim")


def _phase_text(progress: Progress, seen: Sequence[CheckSeen]) -> Text:
    last = max(check.at for check in seen)
    text = Text()
    for check in seen:
        text.append(*_MARKS[check.event.outcome])
    return text.append(f" {(last - progress.steps[0].at).total_seconds():.1f} s")

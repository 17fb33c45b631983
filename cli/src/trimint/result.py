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
    table = Table("mint", "user", "level", "status", "NFT address\nmetadata CID", "total")
    for progress in done:
        table.add_row(
            progress.request.mint_id,
            progress.request.user_id,
            str(progress.request.level),
            Text(progress.status, COLOURS.get(progress.status, "")),
            places(progress),
            f"{progress.seconds:.1f} s",
        )
    return table


def places(progress: Progress) -> Text:
    """Where the NFT and its metadata are, as far as known; or what went wrong."""
    if progress.is_over and not progress.is_completed:
        return Text(progress.trouble or progress.doing, COLOURS.get(progress.status, ""))
    known = filter(None, (progress.mint_address, progress.metadata_cid))
    return Text("\n".join(known), overflow="fold")


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

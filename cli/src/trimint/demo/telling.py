"""What the demo tells: the table of its mints, what was found, and where to look next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from trimint.demo.audit import Seen
from trimint.progress import Progress
from trimint.result import LAYERS, layer_text, places


def table_of(done: Sequence[Progress]) -> Table:
    """One row for each mint, for somebody who sees this for the first time."""
    table = Table(
        "mint",
        "user",
        "level",
        "NFT address on Solana\nmetadata CID on IPFS",
        "checked, seconds after the request",
        "total",
        show_lines=True,
        caption=(
            "✓ a check passed · first group: at once (phase 1), second: after the delay (phase 2)"
        ),
    )
    for progress in done:
        table.add_row(
            progress.request.mint_id,
            progress.request.user_id,
            str(progress.request.level),
            _outcome(progress),
            _checked(progress),
            f"{progress.seconds:.1f} s",
        )
    return table


def _outcome(progress: Progress) -> Text:
    if progress.is_completed:
        return places(progress)
    return Text.assemble(f"{progress.status}: ", places(progress))


def _checked(progress: Progress) -> Text:
    if not progress.checks:
        return Text("nothing was spent on it" if progress.rejection else "—", "dim")
    width = max(map(len, LAYERS))
    lines = (
        Text.assemble((f"{layer:{width}}  ", "dim"), layer_text(progress, layer))
        for layer in LAYERS
    )
    return Text("\n", no_wrap=True).join(lines)


def tell_result(out: Console, done: Sequence[Progress], seen: Seen, faults: Sequence[str]) -> None:
    """The table, then what the demo's own look at the layers found."""
    out.print(table_of(done))
    completed = sum(progress.is_completed for progress in done)
    rejected = [progress for progress in done if progress.rejection]
    out.print(
        f"{completed} completed, {len(rejected)} rejected as it should be. The chain holds"
        f" {len(seen.tokens)} tokens in the users' wallets, one for each completed mint."
        if not faults
        else f"{len(faults)} things are not as they should be:"
    )
    for fault in faults:
        out.print(Text(f"  ✗ {fault}", "red"))


def tell_events(out: Console, seen: Seen) -> None:
    """How many events of which type the mints were made of."""
    counts = ", ".join(f"{count} {name}" for name, count in seen.events.items())
    out.print(f"\nIn the event store: {counts}.", highlight=False)


def tell_how_to_look_around(out: Console, mint_id: str, user: str, env_file: Path) -> None:
    """What to try while everything is left running."""
    lines = (
        "\nEverything keeps running until you press Ctrl-C here. In another terminal:",
        f"  export TRIMINT_ENV_FILE={env_file}",
        f"  trimint status {mint_id}",
        f"  trimint status --user {user}",
        "  trimint mint --help",
    )
    out.print("\n".join(lines), highlight=False, soft_wrap=True)


def tell_what_next(out: Console) -> None:
    """Where to go from here, once everything is stopped."""
    out.print(
        "\nEverything is stopped again. `trimint demo --keep` leaves it running to look around;"
        "\n`trimint --help` lists the commands; the README says where things are.",
        highlight=False,
    )

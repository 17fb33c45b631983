"""Progress as it is shown: a live table on a terminal, plain lines anywhere else, or nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from types import TracebackType
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from trimint.progress import Progress

COLOURS = {
    "completed": "green",
    "verified": "cyan",
    "rejected": "yellow",
    "failed": "red",
    "intervention": "red",
}
_ROWS_RESERVED = 6
_REFRESH_PER_SECOND = 8


class Board(Protocol):
    """Shows changes of mints; used as a context manager."""

    def __enter__(self) -> Board: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None: ...

    def show(self, changed: Progress, everything: Collection[Progress]) -> None:
        """One mint has changed; `everything` are all that are followed."""


class Silence:
    """Shows nothing."""

    def __enter__(self) -> Silence:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, changed: Progress, everything: Collection[Progress]) -> None:
        """Nothing."""


class Lines:
    """One line for each change of a status: for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: dict[str, str] = {}

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, changed: Progress, everything: Collection[Progress]) -> None:
        """A line, if the status is a new one."""
        mint_id, status = changed.request.mint_id, changed.status
        if self._shown.get(mint_id) == status:
            return
        self._shown[mint_id] = status
        done = sum(progress.is_over for progress in everything)
        what = changed.trouble if changed.is_over and changed.trouble else changed.doing
        self._console.print(
            f"{changed.seconds:7.2f} s  {mint_id}  {changed.request.user_id}  {status}: {what}"
            f"  [{done}/{len(everything)}]",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


class LiveTable:
    """A table that is drawn again and again, as high as the terminal allows."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=_REFRESH_PER_SECOND)

    def __enter__(self) -> LiveTable:
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, at)

    def show(self, changed: Progress, everything: Collection[Progress]) -> None:
        """The table with the change."""
        del changed
        self._live.update(self._drawn(everything))

    def _drawn(self, everything: Collection[Progress]) -> RenderableType:
        room = max(3, self._console.height - _ROWS_RESERVED)
        shown = _most_interesting(everything, room)
        table = Table("mint", "user", "level", "status", "now", "seconds", box=None)
        for progress in shown:
            table.add_row(*_row(progress))
        hidden = len(everything) - len(shown)
        more = [Text(f"… and {hidden} more", style="dim")] if hidden else []
        return Group(table, *more, counts(everything))


def board_for(console: Console, *, quiet: bool) -> Board:
    """What suits the console: nothing when quiet, live on a terminal, else lines."""
    if quiet:
        return Silence()
    return LiveTable(console) if console.is_terminal else Lines(console)


def counts(everything: Collection[Progress]) -> Text:
    """How many mints are in which status, in one line."""
    by_status = Counter(progress.status for progress in everything)
    parts = [Text(f"{n} {status}", COLOURS.get(status, "")) for status, n in by_status.items()]
    return Text(" · ").join(parts)


def _most_interesting(everything: Collection[Progress], room: int) -> list[Progress]:
    """All of them, if they fit; else those in work first, in their own order."""
    if len(everything) <= room:
        return list(everything)
    return sorted(everything, key=lambda progress: progress.is_over)[:room]


def _row(progress: Progress) -> tuple[RenderableType, ...]:
    request = progress.request
    return (
        request.mint_id,
        request.user_id,
        str(request.level),
        Text(progress.status, COLOURS.get(progress.status, "")),
        Text(progress.trouble or progress.doing, overflow="ellipsis", no_wrap=True),
        f"{progress.seconds:.1f}",
    )

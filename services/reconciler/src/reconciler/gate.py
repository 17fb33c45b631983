"""The gate before `mint.requests`: what is known of the layers, and whether mints may begin (MF-3).

It is closed until it has been decided upon for the first time, and is decided upon again and again,
since a report that is not renewed lapses by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime

import structlog

from mint_events.catalogue import Layer
from mint_events.gate import Cause, Closure, Maintenance, Report, closures
from mint_events.topics import REQUESTS
from reconciler import metrics
from reconciler.offsets import Partition

_SECONDS = 0.1
"""Between two decisions."""

log = structlog.stdlib.get_logger(__name__)


class Gate:
    """Open, or closed for reasons; `authority` is the one that mints are made under."""

    def __init__(self, authority: str, now: Callable[[], datetime]) -> None:
        self._authority = authority
        self._now = now
        self._heard: tuple[Report, ...] = ()
        self._own: tuple[Report, ...] = ()
        self._maintenance: tuple[Maintenance, ...] = ()
        self._closures: tuple[Closure, ...] | None = None
        self._live = False
        self.opened = asyncio.Event()
        self.closed = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether mints may begin."""
        return self.opened.is_set()

    @property
    def is_live(self) -> bool:
        """Whether requests may be taken as they come: none are left from when it was closed."""
        return self._live

    def holds(self, partition: Partition) -> bool:
        """Whether what is in this partition has to wait."""
        topic, _ = partition
        return topic == REQUESTS.name and not self.is_open

    def go_live(self) -> None:
        """From here on requests are taken as they come, until it closes."""
        self._live = self.is_open

    def hear(self, reports: Iterable[Report], maintenance: Iterable[Maintenance]) -> None:
        """All that others say of their layers, and all that operators have closed."""
        self._heard = tuple(each for each in reports if each.layer is not Layer.DATABASE)
        self._maintenance = tuple(maintenance)

    def report(self, report: Report) -> None:
        """How this instance finds the layer that it owns: it believes no other one's word."""
        self._own = (report,)

    async def run(self) -> None:
        """Decide until cancelled."""
        while True:
            self.decide()
            await asyncio.sleep(_SECONDS)

    def decide(self) -> None:
        """Open or close, by what is known now."""
        found = closures(
            (*self._heard, *self._own), self._maintenance, self._now(), authority=self._authority
        )
        if self._closures is None or _outline(found) != _outline(self._closures):
            self._change(found)
        self._closures = found

    def _change(self, found: tuple[Closure, ...]) -> None:
        _tell(found)
        if found:
            self._live = False
            self.opened.clear()
            self.closed.set()
        else:
            self.closed.clear()
            self.opened.set()


def _outline(found: Iterable[Closure]) -> set[tuple[Layer, Cause]]:
    """What counts as a change: details of a failure differ from look to look."""
    return {(closure.layer, closure.cause) for closure in found}


def _tell(found: tuple[Closure, ...]) -> None:
    reasons = [f"{each.layer} {each.cause}: {each.detail}" for each in found]
    (log.warning if found else log.info)("gate", open=not found, reasons=reasons)
    outline = _outline(found)
    for layer in Layer:
        metrics.GATE_OPEN.labels(layer).set(all(closed is not layer for closed, _ in outline))
        for cause in Cause:
            metrics.GATE_CLOSED.labels(layer, cause).set((layer, cause) in outline)

"""What is known of the gate before new mints, as a table for a person and as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from mint_events.catalogue import Layer
from mint_events.gate import Closure, Maintenance, Report, closures


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is announced of the layers, when it was read, and under whom mints are made."""

    now: datetime
    authority: str | None
    reports: tuple[Report, ...]
    maintenance: tuple[Maintenance, ...]

    @property
    def closures(self) -> tuple[Closure, ...]:
        """Every reason why new mints wait."""
        return closures(self.reports, self.maintenance, self.now, authority=self.authority)


def table(known: Known) -> Table:
    """One row for each layer: open or closed, why, and what each instance says."""
    shown = Table("layer", "new mints", "why", "instances")
    for layer in Layer:
        reasons = [each for each in known.closures if each.layer is layer]
        shown.add_row(
            layer,
            Text("wait", "red") if reasons else Text("begin", "green"),
            Text("\n".join(f"{each.cause}: {each.detail}" for each in reasons)),
            Text("\n".join(_instances(known, layer))),
        )
    return shown


def as_document(known: Known) -> dict[str, Any]:
    """All of it, for machines."""
    return {
        "open": not known.closures,
        "layers": {layer.value: _layer(known, layer) for layer in Layer},
    }


def _layer(known: Known, layer: Layer) -> dict[str, Any]:
    reasons = [each for each in known.closures if each.layer is layer]
    return {
        "open": not reasons,
        "reasons": [{"cause": each.cause.value, "detail": each.detail} for each in reasons],
        "maintenance": [
            {"by": each.by, "reason": each.reason, "since": each.since.isoformat()}
            for each in known.maintenance
            if each.layer is layer
        ],
        "reports": [
            {
                "instance": each.instance,
                "fault": each.fault,
                "expires": each.expires.isoformat(),
                "authorities": sorted(each.authorities),
            }
            for each in known.reports
            if each.layer is layer
        ],
    }


def _instances(known: Known, layer: Layer) -> Iterator[str]:
    for report in known.reports:
        if report.layer is layer:
            word = "silent" if report.expires <= known.now else "ill" if report.fault else "well"
            yield f"{report.instance} {word}"

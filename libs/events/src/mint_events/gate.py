"""The gate before a mint: may new mints begin, given what is said of the layers? Pure (MF-3).

A layer is open while some instance of the service that owns it has said lately that it is well, and
no operator has closed it. Silence is no good news: before the first report, and when all reports
are older than they are valid for, nothing is known of the layer, and nothing is begun there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mint_events.catalogue import Layer, LayerHealthReported, MaintenanceBegun


class Cause(StrEnum):
    """Why a layer is closed for new mints."""

    DOWN = "down"
    UNKNOWN = "unknown"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an instance has said of its layer; it holds until, without, `expires`.

    `authorities` are those that it can mint under, where the layer has any.
    """

    layer: Layer
    instance: str
    fault: str | None
    expires: datetime
    authorities: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """A layer that an operator has closed: who, why, and since when."""

    layer: Layer
    by: str
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """One reason why a layer is closed."""

    layer: Layer
    cause: Cause
    detail: str


def report_of(event: LayerHealthReported, said: datetime) -> Report:
    """The report in an event that was said at this time."""
    return Report(
        layer=event.layer,
        instance=event.instance,
        fault=event.fault,
        expires=said + timedelta(seconds=event.valid_seconds),
        authorities=frozenset(event.authorities),
    )


def maintenance_of(event: MaintenanceBegun, since: datetime) -> Maintenance:
    """The maintenance that an event of this time begins."""
    return Maintenance(layer=event.layer, by=event.by, reason=event.reason, since=since)


def closures(
    reports: Iterable[Report],
    maintenance: Iterable[Maintenance],
    now: datetime,
    *,
    authority: str | None = None,
) -> tuple[Closure, ...]:
    """Every reason why new mints have to wait; none when they may begin.

    `authority` is the one that mints are to be made under; None: whichever there is.
    """
    told, closed = tuple(reports), {each.layer: each for each in maintenance}
    return tuple(
        closure
        for layer in Layer
        for closure in _closures_of(layer, told, closed.get(layer), now, authority)
    )


def _closures_of(
    layer: Layer,
    reports: tuple[Report, ...],
    maintenance: Maintenance | None,
    now: datetime,
    authority: str | None,
) -> Iterator[Closure]:
    if maintenance is not None:
        detail = f"closed by {maintenance.by}: {maintenance.reason}"
        yield Closure(layer=layer, cause=Cause.MAINTENANCE, detail=detail)
    valid = [report for report in reports if report.layer is layer and now < report.expires]
    faults = [(report, _fault(report, authority)) for report in valid]
    if not valid:
        detail = "no instance of its service has said lately that it is well"
        yield Closure(layer=layer, cause=Cause.UNKNOWN, detail=detail)
    elif all(fault for _, fault in faults):
        detail = "; ".join(f"{report.instance}: {fault}" for report, fault in faults)
        yield Closure(layer=layer, cause=Cause.DOWN, detail=detail)


def _fault(report: Report, authority: str | None) -> str | None:
    """What is wrong for mints under this authority."""
    if report.fault is not None or report.layer is not Layer.SOLANA:
        return report.fault
    if authority is None or authority in report.authorities:
        return None
    return f"authority {authority} can not pay: send it SOL, or give the chain-minter its key"

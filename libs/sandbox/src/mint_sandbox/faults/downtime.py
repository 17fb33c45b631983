"""When nobody listens at an endpoint at all: a matter of time, not of requests. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from mint_sandbox.faults.model import Fault, Kind


def is_by_time(fault: Fault) -> bool:
    """Whether the fault closes the endpoint for everybody, rather than refusing requests."""
    if fault.kind is Kind.FLAP:
        return True
    return fault.kind is Kind.REFUSE and fault.when.is_any_request


def is_down(faults: Iterable[Fault], elapsed: float) -> bool:
    """Whether the endpoint is closed, so many seconds after the faults were set."""
    return any(is_by_time(fault) and _closes(fault, elapsed) for fault in faults)


def next_change(faults: Iterable[Fault], elapsed: float) -> float | None:
    """When that may change next, in seconds since the faults were set; None if never."""
    changes = (_next_change(fault, elapsed) for fault in faults if is_by_time(fault))
    return min((change for change in changes if change is not None), default=None)


def _closes(fault: Fault, elapsed: float) -> bool:
    if not fault.when.is_time(elapsed):
        return False
    return fault.seconds is None or _period(fault, fault.seconds, elapsed) % 2 == 0


def _next_change(fault: Fault, elapsed: float) -> float | None:
    when = fault.when
    if elapsed < when.after:
        return when.after
    if not when.is_time(elapsed):
        return None
    if fault.seconds is None:
        return when.until
    turn = when.after + (_period(fault, fault.seconds, elapsed) + 1) * fault.seconds
    return turn if when.until is None else min(turn, when.until)


def _period(fault: Fault, length: float, elapsed: float) -> int:
    """How many half periods have passed; the endpoint is closed in the even ones."""
    return int((elapsed - fault.when.after) // length)

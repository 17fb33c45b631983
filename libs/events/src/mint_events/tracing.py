"""W3C Trace Context: one trace from the request to the end, each event a span of it.

Source: https://www.w3.org/TR/trace-context/#traceparent-header
(`version-traceid-parentid-flags`). Nothing is random here: a span's id is part of its event's id,
so a redelivered event belongs to the span it belonged to before.
"""

from __future__ import annotations

import re
from uuid import UUID

_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?P<trace>(?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-(?P<flags>[0-9a-f]{2})"
)
_SAMPLED = "01"


def is_traceparent(text: str) -> bool:
    """Whether `text` is a traceparent; the standard wants any other to be ignored."""
    return _TRACEPARENT.fullmatch(text) is not None


def root_span(event_id: UUID) -> str:
    """The traceparent of an event with which a trace begins: the trace is named by the event."""
    return f"00-{event_id.hex}-{_span_id(event_id)}-{_SAMPLED}"


def child_span(traceparent: str | None, cause_id: UUID, event_id: UUID) -> str:
    """The traceparent of an event in the trace of its cause.

    A cause without a usable one (a foreign producer's) begins the trace.
    """
    parent = _TRACEPARENT.fullmatch(traceparent or root_span(cause_id))
    if parent is None:
        return child_span(None, cause_id, event_id)
    return f"00-{parent['trace']}-{_span_id(event_id)}-{parent['flags']}"


def trace_id(traceparent: str) -> str:
    """The trace's id, 32 hex digits, as log lines carry it."""
    return traceparent[3:35]


def _span_id(event_id: UUID) -> str:
    """The lower half of the UUID; its variant bits keep it from being all zeros (RFC 9562)."""
    return event_id.hex[16:]

"""An event with what is known about it: who says it, when, because of what, in which trace.

The metadata are those of CloudEvents 1.0 with its extensions for correlation and tracing; on Kafka
they are headers (`mint_events.headers`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from mint_events.catalogue import Event, SystemEvent, subject_of
from mint_events.ids import effect_id
from mint_events.tracing import child_span, root_span

_UTC_OFFSET = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An event and its metadata.

    `time` is in UTC (`ValueError` otherwise); `correlation_id` is the same from the request to the
    end (by default the id of the first event); `causation_id` is the id of the event that this one
    follows from.
    """

    event: Event
    id: UUID
    source: str
    time: datetime
    correlation_id: str
    causation_id: UUID | None
    traceparent: str | None

    def __post_init__(self) -> None:
        if self.time.utcoffset() != _UTC_OFFSET:
            raise ValueError(f"{self.type}: its time {self.time} is not in UTC")

    @property
    def subject(self) -> str:
        """What the event is about, also its record's key: a mint_id, a layer or an endpoint."""
        return subject_of(self.event)

    @property
    def mint_id(self) -> str:
        """The mint that the event is about; raises `TypeError` when it is about none."""
        if isinstance(self.event, SystemEvent):
            raise TypeError(f"{self.type} is about {self.subject}, and so about no mint")
        return self.event.mint_id

    @property
    def type(self) -> str:
        """Name of the event's type."""
        return self.event.__class__.__name__


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """An envelope as it came from Kafka; `topic` is without the prefix of the deployment."""

    envelope: Envelope
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


def root(
    event: Event,
    *,
    id: UUID,  # noqa: A002 - CloudEvents' name of the attribute
    source: str,
    time: datetime,
    traceparent: str | None = None,
) -> Envelope:
    """An event that follows from no other; without a `traceparent` a new trace begins with it."""
    return Envelope(
        event=event,
        id=id,
        source=source,
        time=time,
        correlation_id=str(id),
        causation_id=None,
        traceparent=traceparent or root_span(id),
    )


def caused_by(
    cause: Envelope, event: Event, *, source: str, time: datetime, ordinal: str = "0"
) -> Envelope:
    """An event that follows from `cause`; correlation and trace are handed on.

    The id follows from the cause, the type, the subject and `ordinal`, which tells apart events
    that agree in the first three: made again, it is the same event.
    """
    event_id = effect_id(cause.id, event.__class__.__name__, subject_of(event), ordinal)
    return Envelope(
        event=event,
        id=event_id,
        source=source,
        time=time,
        correlation_id=cause.correlation_id,
        causation_id=cause.id,
        traceparent=child_span(cause.traceparent, cause.id, event_id),
    )

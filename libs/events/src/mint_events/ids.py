"""Event ids that follow from what the event is, so that doing it again makes the same event.

An id is a UUID of version 5 (RFC 9562: SHA-1 of a namespace and a name). Redelivery, a restart and
a replay therefore meet themselves, and whoever reads can drop the second copy by its id.
"""

from __future__ import annotations

from uuid import UUID, uuid5

NAMESPACE = UUID("5d0c2b0e-7a3f-5b8e-9c41-6f2d1a8e4b70")
"""Of all ids that Trimint derives; it never changes."""


def effect_id(cause: UUID, event_type: str, subject: str, ordinal: str = "0") -> UUID:
    """The id of an event that follows from another.

    `ordinal` tells apart events of one type and subject that follow from the same cause.
    """
    return uuid5(NAMESPACE, f"{cause}/{event_type}/{subject}/{ordinal}")


def record_id(topic: str, partition: int, offset: int) -> UUID:
    """The id of a record whose producer gave it none: its place in Kafka."""
    return uuid5(NAMESPACE, f"{topic}/{partition}/{offset}")


def parsed_id(text: str, source: str) -> UUID:
    """The UUID that `text` spells; for any other text, one that follows from it and `source`.

    CloudEvents allows an id to be any string that its source uses once, and a foreign producer may
    make use of that.
    """
    try:
        return UUID(text)
    except ValueError:
        return uuid5(NAMESPACE, f"{source} {text}")

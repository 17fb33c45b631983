"""Kafka's own identifiers."""

from __future__ import annotations

import base64
import uuid


def new_kafka_id() -> str:
    """A random UUID as Kafka writes it: 22 characters of URL-safe base64, not beginning with '-'.

    Kafka refuses a leading dash since its command line would take it for an option.
    """
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text

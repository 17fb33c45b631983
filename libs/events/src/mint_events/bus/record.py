"""Records as they go to Kafka and come from it, apart from what they mean."""

from __future__ import annotations

from dataclasses import dataclass

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a record lies; `topic` is without the prefix of the deployment."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record to be sent; without a value it deletes its key from a compacted topic.

    `partition` None means the one that its key's hash says.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    partition: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumed:
    """A record as it was read, undecoded; `timestamp_ms` counts from 1970."""

    position: Position
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def size(self) -> int:
        """Bytes of key and value, for the bound on memory."""
        return len(self.key or b"") + len(self.value or b"")

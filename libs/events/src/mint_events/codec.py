"""Events to records and back: Avro in a frame that names its schema, CloudEvents in the headers.

`avro` decides what a schema is (parsing, canonical form, fingerprint), fastavro's compiled reader
and writer do the work on each record. Encoding and decoding never wait; what they need from a
registry is fetched beforehand by `prepare`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fastavro.read import SchemaResolutionError

from mint_events.catalogue import Event, subject_of
from mint_events.envelope import Envelope, Received
from mint_events.framing import unframe
from mint_events.headers import Headers, read_envelope, write_headers
from mint_events.known_schemas import KnownSchemas
from mint_events.plain import from_plain, to_plain
from mint_events.registry import SchemaRegistry
from mint_events.schema.history import History, load_history
from mint_events.upcasters import UPCASTERS, Upcasters, read_as_current, write_binary
from mint_resilience.failures import Poison

_UNREADABLE = (
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    OverflowError,
    SchemaResolutionError,
)
"""What fastavro, the headers and the dataclasses raise for bytes that are not what they say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """What a record is published with."""

    key: bytes
    value: bytes
    headers: Headers


class Codec:
    """Makes records of events and events of records.

    With a registry, values are written in Confluent's wire format, otherwise in Avro single-object
    encoding; both are read.
    """

    def __init__(
        self,
        registry: SchemaRegistry | None = None,
        *,
        history: History | None = None,
        upcasters: Upcasters = UPCASTERS,
    ) -> None:
        """Know the schemas of `history` (by default: of the catalogue and its older versions)."""
        self._history = history or load_history()
        self._upcasters = upcasters
        self._schemas = KnownSchemas(self._history, registry)
        self._to_plain = {event: to_plain(event) for event in self._history.versions}
        self._from_plain = {event: from_plain(event) for event in self._history.versions}

    async def prepare(self, values: Iterable[bytes | None] = ()) -> None:
        """Fetch from the registry what encoding, and decoding these values, needs.

        To be awaited before the first `encode` and before `decode` of a batch; without a registry,
        and once everything is known, it does nothing. Raises the registry's failure (`Outage`,
        `Transient`, …); a schema that is not there, or no use, is found by `decode`.
        """
        await self._schemas.prepare(values)

    def encode(self, envelope: Envelope) -> Encoded:
        """The record of an event; with a registry, `prepare` has to have been awaited."""
        event = envelope.event
        event_type = event.__class__
        if event_type not in self._schemas.frame_headers:
            raise RuntimeError(f"{event_type.__name__} has no schema id: await prepare() first")
        payload = write_binary(
            self._to_plain[event_type](event), self._history.current(event_type).parsed
        )
        return Encoded(
            key=envelope.subject.encode(),
            value=self._schemas.frame_headers[event_type] + payload,
            headers=write_headers(envelope),
        )

    def decode(
        self,
        topic: str,
        partition: int,
        offset: int,
        timestamp_ms: int,
        key: bytes | None,
        value: bytes | None,
        headers: Iterable[tuple[str, bytes | None]],
    ) -> Received:
        """The event in a record; `topic` is without the prefix of the deployment.

        `timestamp_ms` is the record's, since 1970. Raises `Poison` that says what is wrong with
        the record, and nothing else.
        """
        if value is None:
            raise Poison(f"record {topic}/{partition}/{offset} has no value: it is a tombstone")
        present = tuple([(name, content) for name, content in headers if content is not None])
        try:
            envelope = read_envelope(
                self._event(key, value),
                present,
                topic=topic,
                partition=partition,
                offset=offset,
                timestamp_ms=timestamp_ms,
            )
        except _UNREADABLE as error:
            raise _poison(f"{topic}/{partition}/{offset}", error) from error
        return Received(
            envelope=envelope,
            topic=topic,
            partition=partition,
            offset=offset,
            key=key,
            value=value,
            headers=present,
        )

    def _event(self, key: bytes | None, value: bytes) -> Event:
        schema_key, payload = unframe(value)
        written = self._schemas.written_with(schema_key)
        plain = read_as_current(payload, written, self._history, self._upcasters)
        event: Event = self._from_plain[written.event](plain)
        subject = subject_of(event)
        if key != subject.encode():
            raise ValueError(f"its key is {key!r}, its subject {subject!r}: they must agree")
        return event


def _poison(place: str, error: Exception) -> Poison:
    what = str(error) or "it ends too early"
    return Poison(f"record {place} is not readable: {type(error).__name__}: {what}")

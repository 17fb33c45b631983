from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import pytest

from mint_events.catalogue import (
    BreakerChanged,
    BreakerState,
    CheckCompleted,
    CheckOutcome,
    Layer,
    LayerHealthReported,
    MaintenanceBegun,
    MaintenanceEnded,
    MintFailed,
    SystemEvent,
)
from mint_events.codec import Codec
from mint_events.envelope import Envelope, Received, caused_by, root
from mint_events.framing import confluent_header
from mint_events.ids import record_id
from mint_events.plain import Plain
from mint_events.schema.derive import record_schema
from mint_events.schema.history import Definition, fingerprint, history_of
from mint_events.upcasters import write_binary
from mint_resilience.failures import Poison

NOW = datetime(2026, 5, 4, 12, 30, 1, 250_000, tzinfo=UTC)
CODEC = Codec()
FAILED = MintFailed(mint_id="m-1", user_id="u-1", detail="ünfit")
ENVELOPE = root(FAILED, id=UUID(int=7), source="reconciler", time=NOW)


def decode(
    value: bytes | None,
    key: bytes | None = b"m-1",
    *,
    codec: Codec = CODEC,
    headers: dict[str, bytes | None] | None = None,
) -> Received:
    return codec.decode(
        "mint.ledger", 3, 14, 1_777_897_801_250, key, value, [*(headers or {}).items()]
    )


def value_of(envelope: Envelope = ENVELOPE) -> bytes:
    return CODEC.encode(envelope).value


def test_what_was_encoded_is_decoded() -> None:
    effect = caused_by(ENVELOPE, FAILED, source="reconciler", time=NOW)
    record = CODEC.encode(effect)
    received = decode(record.value, record.key, headers=dict(record.headers))
    assert received == Received(
        envelope=effect,
        topic="mint.ledger",
        partition=3,
        offset=14,
        key=b"m-1",
        value=record.value,
        headers=tuple(record.headers),
    )


def test_a_value_is_framed_as_avros_single_object_encoding() -> None:
    assert value_of()[:10] == b"\xc3\x01" + fingerprint(record_schema(MintFailed))
    assert value_of()[10:] == b"\x06m-1\x06u-1\x0c" + "ünfit".encode()


@pytest.mark.requirement("OB-8")
def test_the_headers_are_those_of_cloudevents_kafka_binding() -> None:
    effect = caused_by(ENVELOPE, FAILED, source="reconciler", time=NOW)
    assert dict(CODEC.encode(effect).headers) == {
        "ce_specversion": b"1.0",
        "content-type": b"application/avro",
        "ce_id": str(effect.id).encode(),
        "ce_type": b"MintFailed",
        "ce_source": b"reconciler",
        "ce_time": b"2026-05-04T12:30:01.250000+00:00",
        "ce_subject": b"m-1",
        "correlationid": str(ENVELOPE.id).encode(),
        "causationid": str(ENVELOPE.id).encode(),
        "traceparent": (effect.traceparent or "").encode(),
    }


@pytest.mark.requirement("DE-3")
@pytest.mark.parametrize(
    ("event", "subject"),
    [
        (
            LayerHealthReported(layer=Layer.IPFS, instance="one", fault="no", valid_seconds=30.0),
            "layer/ipfs/one",
        ),
        (MaintenanceBegun(layer=Layer.SOLANA, by="ann", reason="fork"), "layer/solana"),
        (MaintenanceEnded(layer=Layer.SOLANA, by="ann", reason="over"), "layer/solana"),
        (
            BreakerChanged(
                dependency="solana",
                endpoint="primary",
                service="chain-minter",
                instance="one",
                before=BreakerState.CLOSED,
                after=BreakerState.OPEN,
                reason="5 of 10 calls failed",
            ),
            "endpoint/solana/primary",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_event_about_a_layer_or_an_endpoint_is_keyed_by_it_and_about_no_mint(
    event: SystemEvent, subject: str
) -> None:
    envelope = root(event, id=UUID(int=7), source="test", time=NOW)
    record = CODEC.encode(envelope)
    received = decode(record.value, record.key, headers=dict(record.headers))
    assert received.envelope == envelope
    assert record.key == subject.encode() == dict(record.headers)["ce_subject"]
    with pytest.raises(Poison, match=subject):
        decode(record.value, b"layer/database", headers=dict(record.headers))
    with pytest.raises(TypeError, match="about no mint"):
        _ = envelope.mint_id


def test_a_record_without_headers_is_told_by_its_place_and_time() -> None:
    envelope = decode(value_of()).envelope
    assert envelope == Envelope(
        event=FAILED,
        id=record_id("mint.ledger", 3, 14),
        source="unknown",
        time=NOW,
        correlation_id=str(record_id("mint.ledger", 3, 14)),
        causation_id=None,
        traceparent=None,
    )


def id_of(ce_id: bytes, ce_source: bytes = b"shop") -> UUID:
    return decode(value_of(), headers={"ce_id": ce_id, "ce_source": ce_source}).envelope.id


def test_an_id_that_is_no_uuid_tells_the_events_of_its_source_apart() -> None:
    assert id_of(b"order 66") == id_of(b"order 66")
    assert id_of(b"order 66") != id_of(b"order 67")
    assert id_of(b"order 66") != id_of(b"order 66", b"other shop")


def test_a_traceparent_that_is_none_and_an_empty_header_are_ignored() -> None:
    envelope = decode(value_of(), headers={"traceparent": b"x", "ce_id": None}).envelope
    assert envelope.traceparent is None
    assert envelope.id == record_id("mint.ledger", 3, 14)


def test_a_time_elsewhere_is_read_as_utc() -> None:
    said: dict[str, bytes | None] = {"ce_time": b"2026-05-04T14:30:01.25+02:00"}
    time = decode(value_of(), headers=said).envelope.time
    assert (time, time.utcoffset()) == (NOW, NOW.utcoffset())


@pytest.mark.requirement("MF-2")
@pytest.mark.parametrize(
    ("value", "key", "headers", "complaint"),
    [
        (None, b"m-1", {}, "tombstone"),
        (b"", b"m-1", {}, "neither Avro"),
        (b'{"mint_id": "m-1"}', b"m-1", {}, "neither Avro"),
        (b"\xc3\x01\x00\x00", b"m-1", {}, "neither Avro"),
        (b"\xc3\x01" + b"\x11" * 8 + b"rest", b"m-1", {}, "fingerprint 1111111111111111"),
        (confluent_header(5) + b"rest", b"m-1", {}, "none is configured"),
        (value_of()[:-3], b"m-1", {}, "EOFError|Expected"),
        (value_of() + b"\x00", b"m-1", {}, "left over"),
        (value_of()[:-3] + b"\xff\xff\xff", b"m-1", {}, "utf-8"),
        (value_of(), b"m-2", {}, "its key is b'm-2', its subject 'm-1'"),
        (value_of(), None, {}, "its key is None"),
        (value_of(), b"m-1", {"ce_type": b"MintCompleted"}, "ce_type says b'MintCompleted'"),
        (value_of(), b"m-1", {"ce_time": b"yesterday"}, "yesterday"),
        (value_of(), b"m-1", {"ce_time": b"2026-05-04T12:00:00"}, "no offset"),
        (value_of(), b"m-1", {"ce_time": b"0001-01-01T00:00:00+09:00"}, "out of range"),
        (value_of(), b"m-1", {"ce_source": b"\xff"}, "utf-8"),
    ],
)
def test_a_record_that_can_not_be_read_is_poison_that_says_why(
    value: bytes | None, key: bytes | None, headers: dict[str, bytes | None], complaint: str
) -> None:
    with pytest.raises(Poison, match=complaint) as caught:
        decode(value, key, headers=headers)
    assert "mint.ledger/3/14" in str(caught.value)


def test_a_value_that_its_enumeration_does_not_have_is_poison() -> None:
    check = CheckCompleted(
        mint_id="m-1",
        phase=1,
        check="uri",
        layer="ipfs",
        outcome=cast(CheckOutcome, "maybe"),
        endpoint="e",
        latency_ms=1.5,
        attempts=1,
        evidence={},
    )
    with pytest.raises(Poison, match="'maybe' is not a valid CheckOutcome"):
        decode(value_of(root(check, id=UUID(int=1), source="verifier", time=NOW)))


# Old versions: a made-up event in its third version.


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """The third version: grams, and a colour."""

    mint_id: str
    grams: int
    colour: str = "grey"


PARCEL = cast(Any, Parcel)


def parcel_version(*fields: dict[str, object]) -> Definition:
    return {
        "type": "record",
        "name": "Parcel",
        "namespace": "trimint",
        "fields": [{"name": "mint_id", "type": "string"}, *fields],
    }


FIRST = parcel_version({"name": "kilos", "type": "long", "default": 0})
SECOND = parcel_version({"name": "grams", "type": "long", "default": 0})
HISTORY = history_of([PARCEL], {"Parcel": [FIRST, SECOND]})


def kilos_to_grams(parcel: Plain) -> Plain:
    return {"mint_id": parcel["mint_id"], "grams": parcel["kilos"] * 1000}


PARCELS = Codec(history=HISTORY, upcasters={("Parcel", 1): kilos_to_grams})


def parcel_record(version: int, **fields: object) -> bytes:
    written = HISTORY.versions[PARCEL][version - 1]
    return (
        b"\xc3\x01"
        + written.fingerprint
        + write_binary({"mint_id": "m-1", **fields}, written.parsed)
    )


def test_a_record_of_a_version_that_changed_its_meaning_is_upcast() -> None:
    received = decode(parcel_record(1, kilos=2), codec=PARCELS)
    assert received.envelope.event == PARCEL(mint_id="m-1", grams=2000, colour="grey")


def test_a_record_of_a_version_that_only_lacks_fields_gets_their_defaults() -> None:
    received = decode(parcel_record(2, grams=7), codec=PARCELS)
    assert received.envelope.event == PARCEL(mint_id="m-1", grams=7, colour="grey")


def test_the_newest_version_is_written() -> None:
    parcel = PARCEL(mint_id="m-1", grams=7, colour="red")
    record = PARCELS.encode(replace(ENVELOPE, event=parcel))
    assert record.value == parcel_record(3, grams=7, colour="red")
    assert decode(record.value, codec=PARCELS).envelope.event == parcel

r"""How a record's bytes say which schema they are written with.

Avro single-object encoding (Avro specification, "Single-object encoding"): `C3 01`, the schema's
8-byte CRC-64-AVRO fingerprint in little-endian order, the Avro binary.
Confluent wire format (Confluent Schema Registry, "Wire format"): `00`, the schema's id in the
registry as 4 bytes in big-endian order, the Avro binary.
"""

from __future__ import annotations

SINGLE_OBJECT = b"\xc3\x01"
CONFLUENT = b"\x00"

_SINGLE_OBJECT_HEADER = 10
_CONFLUENT_HEADER = 5

SchemaKey = bytes | int
"""What names the schema: a fingerprint, or an id in the registry."""


def single_object_header(fingerprint: bytes) -> bytes:
    """What comes before the Avro binary when no registry is used."""
    return SINGLE_OBJECT + fingerprint


def confluent_header(schema_id: int) -> bytes:
    """What comes before the Avro binary when the schema has an id in a registry."""
    return CONFLUENT + schema_id.to_bytes(4, "big")


def unframe(value: bytes) -> tuple[SchemaKey, bytes]:
    """What names the schema, and the Avro binary.

    Raises `ValueError` for bytes in neither of the two framings.
    """
    if value.startswith(SINGLE_OBJECT) and len(value) >= _SINGLE_OBJECT_HEADER:
        return value[2:_SINGLE_OBJECT_HEADER], value[_SINGLE_OBJECT_HEADER:]
    if value.startswith(CONFLUENT) and len(value) >= _CONFLUENT_HEADER:
        return int.from_bytes(value[1:_CONFLUENT_HEADER], "big"), value[_CONFLUENT_HEADER:]
    raise ValueError(
        f"{len(value)} bytes beginning {value[:10].hex(' ') or 'with nothing'} are neither Avro "
        "single-object encoding (c3 01, fingerprint) nor Confluent wire format (00, schema id)"
    )

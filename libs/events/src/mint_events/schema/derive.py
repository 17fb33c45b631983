"""Avro schemas made from dataclasses (Avro 1.12 specification).

str → string, int → long, float → double, bool → boolean, bytes → bytes, StrEnum → string (so that
a new member breaks no reader), `X | None` → [null, X] with default null, tuple[X, ...] → array,
dict[str, X] → map, a dataclass → record. Docstrings and the texts in `Annotated` become `doc`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

NAMESPACE = "trimint"

AvroType = str | list[Any] | dict[str, Any]

_PRIMITIVES: dict[Any, str] = {
    str: "string",
    int: "long",
    float: "double",
    bool: "boolean",
    bytes: "bytes",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordField:
    """A field of a dataclass as a schema sees it; `default` is MISSING where there is none."""

    name: str
    annotation: Any
    doc: str | None
    default: Any


def record_fields(record: type) -> Iterator[RecordField]:
    """The fields of a dataclass with their resolved types and texts, in order.

    Raises `TypeError` for a default that is made by a factory: a schema can not say it.
    """
    hints = get_type_hints(record, include_extras=True)
    for field in fields(record):
        if field.default_factory is not MISSING:
            raise TypeError(f"{record.__name__}.{field.name}: a default must be a constant")
        annotation, doc = _annotation_and_doc(hints[field.name])
        yield RecordField(name=field.name, annotation=annotation, doc=doc, default=field.default)


def optional_of(annotation: Any) -> Any:
    """The X of `X | None`, or None for any other type."""
    inner = [arg for arg in get_args(annotation) if arg is not NoneType]
    is_optional = get_origin(annotation) is UnionType and NoneType in get_args(annotation)
    return inner[0] if is_optional and len(inner) == 1 else None


def record_schema(record: type) -> dict[str, Any]:
    """The Avro schema of a dataclass, its nested records inside it.

    Raises `TypeError` for a field whose type or default has no place in the schema.
    """
    return {"namespace": NAMESPACE, **_record(record, set())}


def _record(record: type, named: set[type]) -> dict[str, Any]:
    named.add(record)
    return {
        "type": "record",
        "name": record.__name__,
        "doc": " ".join((inspect.getdoc(record) or "").split()),
        "fields": [_field(field, named) for field in record_fields(record)],
    }


def _field(field: RecordField, named: set[type]) -> dict[str, Any]:
    schema: dict[str, Any] = {"name": field.name, "type": _avro_type(field.annotation, named)}
    if field.doc:
        schema["doc"] = field.doc
    if optional_of(field.annotation) is not None:
        if field.default not in (None, MISSING):
            raise TypeError(f"{field.name}: the default of an optional field is None")
        schema["default"] = None
    elif field.default is not MISSING:
        schema["default"] = _default(field.default)
    return schema


def _avro_type(annotation: Any, named: set[type]) -> AvroType:
    if annotation in _PRIMITIVES:
        return _PRIMITIVES[annotation]
    if is_dataclass(annotation) and isinstance(annotation, type):
        return annotation.__name__ if annotation in named else _record(annotation, named)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return "string"
    return _composed_type(annotation, named)


def _composed_type(annotation: Any, named: set[type]) -> AvroType:
    inner = optional_of(annotation)
    if inner is not None:
        return ["null", _avro_type(inner, named)]
    match get_origin(annotation), get_args(annotation):
        case origin, (item, end) if origin is tuple and end is Ellipsis:
            return {"type": "array", "items": _avro_type(item, named)}
        case origin, (key, value) if origin is dict and key is str:
            return {"type": "map", "values": _avro_type(value, named)}
        case _:
            raise TypeError(f"{annotation}: no Avro type stands for it; see mint_events.schema")


def _default(value: Any) -> Any:
    match value:
        case bool() | int() | float():
            return value
        case str():
            return str(value)
        case bytes():
            return value.decode("latin-1")
        case ():
            return []
        case _:
            raise TypeError(f"{value!r}: a schema can not say this default")


def _annotation_and_doc(hint: Any) -> tuple[Any, str | None]:
    if get_origin(hint) is not Annotated:
        return hint, None
    annotation, *notes = get_args(hint)
    return annotation, next((note for note in notes if isinstance(note, str)), None)

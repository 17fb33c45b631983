"""Events as plain data and back: the dictionaries that fastavro writes and reads.

The converters of a dataclass are made once from its fields; only the fields that are not plain
already (records, arrays, enumerations) cost anything beyond the copy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import is_dataclass
from enum import StrEnum
from operator import attrgetter
from typing import Any, get_args, get_origin

from mint_events.schema.derive import optional_of, record_fields

Plain = dict[str, Any]
Convert = Callable[[Any], Any]


def to_plain(record: type) -> Callable[[Any], Plain]:
    """The function that makes a dictionary of an instance of the dataclass `record`."""
    names = tuple(field.name for field in record_fields(record))
    # The class is asked for as well because attrgetter gives a tuple from two names on.
    values = attrgetter(*names, "__class__")
    nested = _conversions(record, _writing)

    def convert(instance: Any) -> Plain:
        plain = dict(zip(names, values(instance), strict=False))
        for name, conversion in nested:
            plain[name] = conversion(plain[name])
        return plain

    return convert


def from_plain(record: type) -> Callable[[Plain], Any]:
    """The function that makes an instance of `record` of a dictionary, which it uses up.

    The function raises `ValueError` for a value that an enumeration does not have.
    """
    nested = _conversions(record, _reading)

    def convert(plain: Plain) -> Any:
        for name, conversion in nested:
            plain[name] = conversion(plain[name])
        return record(**plain)

    return convert


def _conversions(
    record: type, conversion_of: Callable[[Any], Convert | None]
) -> list[tuple[str, Convert]]:
    found = ((field.name, conversion_of(field.annotation)) for field in record_fields(record))
    return [(name, conversion) for name, conversion in found if conversion is not None]


def _writing(annotation: Any) -> Convert | None:
    """How a value of this type becomes plain; None when it is."""
    if is_dataclass(annotation) and isinstance(annotation, type):
        return to_plain(annotation)
    return _inside(annotation, _writing, sequence=list)


def _reading(annotation: Any) -> Convert | None:
    """How a plain value becomes one of this type; None when it is."""
    if is_dataclass(annotation) and isinstance(annotation, type):
        return from_plain(annotation)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return annotation
    return _inside(annotation, _reading, sequence=tuple)


def _inside(
    annotation: Any, conversion_of: Callable[[Any], Convert | None], sequence: type
) -> Convert | None:
    """The conversion of a composed type from that of what it is composed of."""
    inner = optional_of(annotation)
    if inner is not None:
        return _unless_none(conversion_of(inner))
    if get_origin(annotation) is tuple:
        return _each(conversion_of(get_args(annotation)[0]), sequence)
    if get_origin(annotation) is dict:
        return _each_value(conversion_of(get_args(annotation)[1]))
    return None


def _unless_none(convert: Convert | None) -> Convert | None:
    return convert and (lambda value: None if value is None else convert(value))


def _each(convert: Convert | None, sequence: type) -> Convert:
    return (lambda values: sequence(map(convert, values))) if convert else sequence


def _each_value(convert: Convert | None) -> Convert | None:
    return convert and (lambda values: {key: convert(value) for key, value in values.items()})

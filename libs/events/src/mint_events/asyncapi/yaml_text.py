"""Plain data as YAML 1.2 text.

Scalars are written as JSON, which YAML 1.2 contains, and texts of several lines as literal blocks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

_INDENT = "  "


def yaml_text(document: Mapping[str, Any]) -> str:
    """The document, its keys in their order; keys must be plain words or references."""
    return "".join(f"{line}\n" for line in _mapping(document))


def _mapping(mapping: Mapping[str, Any]) -> Iterator[str]:
    for key, value in mapping.items():
        name = key if key.replace("-", "").replace("_", "").isalnum() else json.dumps(key)
        first, *others = _value(value)
        yield f"{name}:{first}"
        yield from others


def _value(value: Any) -> Iterator[str]:
    """The rest of the line that the value begins on, then its further lines."""
    match value:
        case str() if "\n" in value:
            yield " |-"
            yield from _indented(value.split("\n"))
        case Mapping() if value:
            yield ""
            yield from _indented(_mapping(value))
        case list() if value:
            yield ""
            for item in value:
                yield from _indented(_item(item))
        case _:
            yield " " + json.dumps(value, ensure_ascii=False)


def _item(item: Any) -> Iterator[str]:
    lines: Sequence[str] = list(_mapping(item) if isinstance(item, Mapping) else _value(item))
    yield f"- {lines[0].lstrip()}"
    yield from _indented(lines[1:])


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (_INDENT + line if line else "" for line in lines)

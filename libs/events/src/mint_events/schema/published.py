"""The files in `schemas/`: what other languages read, and what holds the code to its word.

`<Type>.v<N>.avsc` is one version of one type. A version that is there stays as it is: records
written with it are in Kafka and in the event store. What is made anew in place is only what leaves
the bytes alone (documentation, defaults), by the schema's fingerprint.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mint_events.catalogue import Event
from mint_events.schema.compatibility import breaks
from mint_events.schema.derive import record_schema
from mint_events.schema.history import Definition, fingerprint

SUPERSEDED_FILE = Path(__file__).parents[1] / "superseded.json"

Files = dict[Path, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the files should hold, and why some of it must not be written as it is."""

    files: Files
    objections: tuple[str, ...]

    def differences(self) -> Iterator[str]:
        """The files that are not as they should be."""
        for path, text in self.files.items():
            if not path.is_file():
                yield f"{path} is missing"
            elif path.read_text(encoding="utf-8") != text:
                yield f"{path} is not what the code says"

    def write(self) -> None:
        """Make the files so."""
        for path, text in self.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def published_versions(directory: Path, type_name: str) -> list[Definition]:
    """The versions of a type that have a file, oldest first; numbers have no gap."""
    versions: list[Definition] = []
    while (path := _file(directory, type_name, len(versions) + 1)).is_file():
        versions.append(json.loads(path.read_text(encoding="utf-8")))
    return versions


def plan(
    events: Iterable[type[Event]],
    directory: Path,
    *,
    new_version: bool = False,
    superseded_file: Path = SUPERSEDED_FILE,
) -> Plan:
    """What `schemas/` and the package's superseded versions should be by the code.

    A type that changed its bytes gets the next version with `new_version`, and an objection
    without; so does a version that breaks another.
    """
    events = tuple(events)
    files: Files = {}
    objections = _without_event(directory, events)
    superseded: dict[str, list[Definition]] = {}
    for event in events:
        versions = published_versions(directory, event.__name__)
        changed = _with_code(versions, record_schema(event))
        if len(changed) > len(versions) > 0 and not new_version:
            objections.append(_unpublished(event, len(versions)))
        objections += breaks(changed)
        files[_file(directory, event.__name__, len(changed))] = _text(changed[-1])
        if len(changed) > 1:
            superseded[event.__name__] = changed[:-1]
    files[superseded_file] = _text(superseded)
    return Plan(files=files, objections=tuple(objections))


def _without_event(directory: Path, events: Iterable[type[Event]]) -> list[str]:
    names = {event.__name__ for event in events}
    return [
        f"{path} is of no event in the catalogue, yet its records may still be read: keep the event"
        for path in sorted(directory.glob("*.avsc"))
        if path.name.split(".")[0] not in names
    ]


def _with_code(versions: list[Definition], code: Definition) -> list[Definition]:
    """The versions with what the code says: in the last one's place if the bytes are the same."""
    same = versions and fingerprint(versions[-1]) == fingerprint(code)
    return [*versions[:-1], code] if same else [*versions, code]


def _unpublished(event: type[Event], version: int) -> str:
    return (
        f"{event.__name__} writes other bytes than its v{version}, which must not change: "
        f"add v{version + 1} with --new-version"
    )


def _file(directory: Path, type_name: str, version: int) -> Path:
    return directory / f"{type_name}.v{version}.avsc"


def _text(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

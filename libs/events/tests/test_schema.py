from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, cast

import avro.schema
import fastavro
import pytest

from mint_events.schema.__main__ import main
from mint_events.schema.compatibility import breaks
from mint_events.schema.derive import record_schema
from mint_events.schema.history import EVENT_TYPES, Definition, fingerprint
from mint_events.schema.published import plan, published_versions

SCHEMAS = Path(__file__).parents[3] / "schemas"
EVENT_NAMES = [event.__name__ for event in EVENT_TYPES]


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """A stamp."""

    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A parcel,
    on its way."""

    mint_id: Annotated[str, "Key."]
    weight: float
    colour: Colour = Colour.RED
    content: bytes = b"\xff"
    fragile: bool = False
    stamps: tuple[Stamp, ...] = ()
    main_stamp: Stamp | None = None
    labels: dict[str, bytes]
    count: int = 1


PARCEL = cast(Any, Parcel)


def test_a_dataclass_becomes_a_record_with_its_types_texts_and_defaults() -> None:
    stamp = {
        "type": "record",
        "name": "Stamp",
        "doc": "A stamp.",
        "fields": [{"name": "value", "type": "long"}],
    }
    assert record_schema(Parcel) == {
        "type": "record",
        "name": "Parcel",
        "namespace": "trimint",
        "doc": "A parcel, on its way.",
        "fields": [
            {"name": "mint_id", "type": "string", "doc": "Key."},
            {"name": "weight", "type": "double"},
            {"name": "colour", "type": "string", "default": "red"},
            {"name": "content", "type": "bytes", "default": "\u00ff"},
            {"name": "fragile", "type": "boolean", "default": False},
            {"name": "stamps", "type": {"type": "array", "items": stamp}, "default": []},
            {"name": "main_stamp", "type": ["null", "Stamp"], "default": None},
            {"name": "labels", "type": {"type": "map", "values": "bytes"}},
            {"name": "count", "type": "long", "default": 1},
        ],
    }


@dataclass
class OfUnknownType:
    mint_id: complex


@dataclass
class WithFactory:
    mint_id: tuple[str, ...] = field(default_factory=tuple)


@dataclass
class OptionalWithDefault:
    mint_id: str | None = "x"


@pytest.mark.parametrize("record", [OfUnknownType, WithFactory, OptionalWithDefault])
def test_what_a_schema_can_not_say_is_refused(record: type) -> None:
    with pytest.raises(TypeError):
        record_schema(record)


@pytest.mark.parametrize("event", EVENT_TYPES)
def test_the_fingerprint_agrees_with_an_independent_implementation(event: type) -> None:
    definition = record_schema(event)
    canonical = fastavro.schema.to_parsing_canonical_form(definition)
    assert avro.schema.parse(json.dumps(definition)).canonical_form == canonical
    assert fingerprint(definition).hex() == fastavro.schema.fingerprint(canonical, "CRC-64-AVRO")


def test_the_fingerprint_is_the_one_of_the_specifications_test_vector() -> None:
    # Avro's share/test/data/schema-tests.txt: the fingerprint of "int" is 8247732601305521295.
    vector = avro.schema.parse('"int"').fingerprint("CRC-64-AVRO")
    assert int.from_bytes(vector, "little") == 8247732601305521295


@pytest.mark.requirement("DE-3")
def test_the_published_schemas_are_what_the_code_says() -> None:
    planned = plan(EVENT_TYPES, SCHEMAS)
    assert [*planned.objections, *planned.differences()] == []


@pytest.mark.requirement("DE-3")
@pytest.mark.parametrize("name", EVENT_NAMES)
def test_every_version_of_a_type_reads_every_other(name: str) -> None:
    versions = published_versions(SCHEMAS, name)
    assert versions
    assert breaks(versions) == []


def without_field(definition: Definition) -> Definition:
    return {**definition, "fields": definition["fields"][:-1]}


def with_other_type(definition: Definition) -> Definition:
    first, *others = definition["fields"]
    return {**definition, "fields": [{**first, "type": "long"}, *others]}


def with_required_field(definition: Definition) -> Definition:
    return {**definition, "fields": [*definition["fields"], {"name": "new", "type": "string"}]}


def renamed(definition: Definition) -> Definition:
    return {**definition, "name": "Renamed"}


def with_optional_field(definition: Definition) -> Definition:
    added = {"name": "new", "type": ["null", "string"], "default": None}
    return {**definition, "fields": [*definition["fields"], added]}


def required_only(definition: Definition) -> Definition:
    """Without defaults, so that taking a field away breaks whoever still reads it."""
    fields = [{k: v for k, v in f.items() if k != "default"} for f in definition["fields"]]
    return {**definition, "fields": fields}


@pytest.mark.requirement("DE-3")
@pytest.mark.parametrize("change", [without_field, with_other_type, with_required_field, renamed])
@pytest.mark.parametrize("name", EVENT_NAMES)
def test_a_breaking_change_of_any_type_is_found(
    name: str, change: Callable[[Definition], Definition]
) -> None:
    current = required_only(published_versions(SCHEMAS, name)[-1])
    assert breaks([current, change(current)])


@pytest.mark.parametrize("name", EVENT_NAMES)
def test_an_optional_field_may_be_added(name: str) -> None:
    versions = published_versions(SCHEMAS, name)
    assert breaks([*versions, with_optional_field(versions[-1])]) == []


def of_no_field() -> Definition:
    return {"type": "record", "name": "T", "fields": []}


def of_one_field(kind: str) -> Definition:
    optional = {"name": "a", "type": ["null", kind], "default": None}
    return {**of_no_field(), "fields": [optional]}


def test_a_break_between_versions_that_are_no_neighbours_is_found() -> None:
    first, without, third = of_one_field("long"), of_no_field(), of_one_field("string")
    assert breaks([first, without]) == []
    assert breaks([without, third]) == []
    assert any("v3 can not read v1" in found for found in breaks([first, without, third]))


def parcel_files(tmp_path: Path, code: Definition) -> Path:
    (tmp_path / "Parcel.v1.avsc").write_text(json.dumps(code))
    return tmp_path


def test_a_type_without_a_file_gets_its_first_version(tmp_path: Path) -> None:
    planned = plan([PARCEL], tmp_path, superseded_file=tmp_path / "superseded.json")
    planned.write()
    assert published_versions(tmp_path, "Parcel") == [record_schema(Parcel)]
    assert list(planned.differences()) == []


def test_a_published_version_is_never_given_other_bytes(tmp_path: Path) -> None:
    parcel_files(tmp_path, without_field(record_schema(Parcel)))
    planned = plan([PARCEL], tmp_path, superseded_file=tmp_path / "superseded.json")
    assert "must not change: add v2 with --new-version" in planned.objections[0]


def test_a_new_version_leaves_the_old_one_and_is_remembered_as_its_successor(
    tmp_path: Path,
) -> None:
    old = without_field(record_schema(Parcel))
    parcel_files(tmp_path, old)
    superseded = tmp_path / "superseded.json"
    planned = plan([PARCEL], tmp_path, new_version=True, superseded_file=superseded)
    planned.write()
    assert planned.objections == ()
    assert published_versions(tmp_path, "Parcel") == [old, record_schema(Parcel)]
    assert json.loads(superseded.read_text()) == {"Parcel": [old]}


def test_a_new_version_that_breaks_an_old_one_is_refused(tmp_path: Path) -> None:
    parcel_files(tmp_path, with_other_type(record_schema(Parcel)))
    planned = plan(
        [PARCEL], tmp_path, new_version=True, superseded_file=tmp_path / "superseded.json"
    )
    assert any("v2 can not read v1" in objection for objection in planned.objections)


def test_documentation_is_changed_in_place(tmp_path: Path) -> None:
    parcel_files(tmp_path, {**record_schema(Parcel), "doc": "An older text."})
    plan([PARCEL], tmp_path, superseded_file=tmp_path / "superseded.json").write()
    assert published_versions(tmp_path, "Parcel") == [record_schema(Parcel)]


def test_a_type_that_left_the_catalogue_is_missed(tmp_path: Path) -> None:
    (tmp_path / "Forgotten.v1.avsc").write_text("{}")
    planned = plan([PARCEL], tmp_path, superseded_file=tmp_path / "superseded.json")
    assert "Forgotten.v1.avsc is of no event" in planned.objections[0]


def test_the_command_writes_what_its_check_wants(tmp_path: Path) -> None:
    options = ["--directory", str(tmp_path), "--superseded-file", str(tmp_path / "s.json")]
    assert main(["--check", *options]) == 1
    assert main(options) == 0
    assert main(["--check", *options]) == 0


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", "--directory", str(tmp_path)]) == 1
    assert "MintRequested.v1.avsc is missing" in capsys.readouterr().err

"""The documentation is enough: nothing of `mint_events` makes the record that is decoded here."""

from __future__ import annotations

import json
import re
from io import BytesIO
from pathlib import Path

import fastavro
import pytest

from mint_events.asyncapi.__main__ import main
from mint_events.asyncapi.example import EXAMPLE
from mint_events.asyncapi.yaml_text import yaml_text
from mint_events.catalogue import Creator, MintRequested
from mint_events.codec import Codec

SCHEMAS = Path(__file__).parents[3] / "schemas"
DOCUMENT = SCHEMAS / "asyncapi.yaml"


def documented_prefix(message: str) -> bytes:
    """`x-value-prefix-hex` of a message, read from the document's text."""
    of_message = DOCUMENT.read_text().split(f"\n    {message}:\n")[1]
    return bytes.fromhex(re.findall(r'x-value-prefix-hex: "([0-9a-f]+)"', of_message)[0])


def documented_example() -> bytes:
    [value] = re.findall(r' value-hex: "([0-9a-f]+)"', DOCUMENT.read_text())
    return bytes.fromhex(value)


@pytest.mark.requirement("DE-3")
def test_the_document_is_what_the_code_says() -> None:
    assert main(["--check", "--file", str(DOCUMENT)]) == 0


@pytest.mark.requirement("DE-3")
def test_a_producer_needs_only_the_schema_and_the_documented_framing() -> None:
    # Given the newest schema's file and the prefix from the document
    newest = max(SCHEMAS.glob("MintRequested.v*.avsc"))
    schema = json.loads(newest.read_text())
    value = BytesIO()
    value.write(documented_prefix("MintRequested"))
    # When a foreign producer writes a request with any Avro library, and no headers
    request = {
        "mint_id": "order-9",
        "user_id": "u",
        "wallet": "w",
        "name": "n",
        "symbol": "s",
        "level": 4,
        "creators": [{"address": "a", "share": 100}],
        "image": b"\x89PNG",
    }
    fastavro.schemaless_writer(value, schema, request)
    received = Codec().decode("mint.requests", 0, 1, 0, b"order-9", value.getvalue(), ())
    # Then it is a MintRequested with the defaults of the fields it left out
    assert received.envelope.event == MintRequested(
        mint_id="order-9",
        user_id="u",
        wallet="w",
        name="n",
        symbol="s",
        level=4,
        creators=(Creator(address="a", share=100),),
        image=b"\x89PNG",
    )


@pytest.mark.requirement("DE-3")
def test_the_documented_bytes_are_the_documented_request() -> None:
    key = EXAMPLE.mint_id.encode()
    received = Codec().decode("mint.requests", 0, 1, 0, key, documented_example(), ())
    assert received.envelope.event == EXAMPLE.event


def test_a_document_that_differs_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "asyncapi.yaml"
    assert main(["--check", "--file", str(file)]) == 1
    assert main(["--file", str(file)]) == 0
    assert main(["--check", "--file", str(file)]) == 0
    file.write_text(file.read_text() + " ")
    assert main(["--check", "--file", str(file)]) == 1
    assert "is not what the code says" in capsys.readouterr().err


def test_yaml_has_blocks_for_long_texts_and_json_for_the_rest() -> None:
    document = {
        "a-b": "x: 'y'",
        "$ref": None,
        "nested": {"texts": ["one", "two\n\n  three"], "empty": {}},
        "items": [{"k": 1, "l": [True]}, {"m": []}],
    }
    assert yaml_text(document) == (
        "a-b: \"x: 'y'\"\n"
        '"$ref": null\n'
        "nested:\n"
        "  texts:\n"
        '    - "one"\n'
        "    - |-\n"
        "        two\n"
        "\n"
        "          three\n"
        "  empty: {}\n"
        "items:\n"
        "  - k: 1\n"
        "    l:\n"
        "      - true\n"
        "  - m: []\n"
    )

"""The metadata document is written in one way and read strictly."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mint_content.cid import Cid, Codec
from mint_content.metadata import Attribute, Creator, Metadata, compose, parse
from mint_content.unixfs import cid_of
from mint_resilience.failures import Permanent

IMAGE = Cid.of_block(b"image", Codec.RAW)
ANIMATION = Cid.of_block(b"animation", Codec.RAW)


def dragon(level: int = 3, **changes: Any) -> Metadata:
    fields: dict[str, Any] = {
        "name": "Dragon",
        "symbol": "DRG",
        "description": "Breathes fire.",
        "level": level,
        "image": IMAGE,
        "image_type": "image/png",
        "attributes": (Attribute(trait_type="Wing span", value="9 m"),),
        "creators": (Creator(address="Creator1", share=100),),
        "seller_fee_basis_points": 500,
        "external_url": "https://dragons.example",
    }
    return compose(**fields | changes)


@pytest.mark.requirement("MF-4")
def test_the_document_has_the_fields_of_the_metaplex_standard() -> None:
    assert json.loads(dragon().to_bytes()) == {
        "name": "Dragon",
        "symbol": "DRG",
        "description": "Breathes fire.",
        "seller_fee_basis_points": 500,
        "image": IMAGE.uri,
        "external_url": "https://dragons.example",
        "attributes": [
            {"trait_type": "Level", "value": 3},
            {"trait_type": "Wing span", "value": "9 m"},
        ],
        "properties": {
            "files": [{"uri": IMAGE.uri, "type": "image/png"}],
            "category": "image",
            "creators": [{"address": "Creator1", "share": 100}],
        },
    }


@pytest.mark.requirement("MF-4")
def test_an_animation_makes_it_a_video_whose_still_is_the_image() -> None:
    document = json.loads(dragon(animation=ANIMATION).to_bytes())

    assert (document["image"], document["animation_url"]) == (IMAGE.uri, ANIMATION.uri)
    assert document["properties"]["category"] == "video"
    assert document["properties"]["files"] == [
        {"uri": IMAGE.uri, "type": "image/png"},
        {"uri": ANIMATION.uri, "type": "video/mp4"},
    ]


def test_an_option_that_is_absent_is_left_out() -> None:
    document = json.loads(dragon(external_url=None).to_bytes())

    assert not {"external_url", "animation_url"} & document.keys()


def test_equal_documents_have_one_name() -> None:
    assert cid_of(dragon().to_bytes()) == cid_of(dragon().to_bytes())
    assert cid_of(dragon().to_bytes()) != cid_of(dragon(4).to_bytes())


def test_the_canonical_bytes_stay_as_they_are() -> None:
    """These bytes are on chain by their hash: a change would break every re-upload."""
    expected = "bafkreiatx2bqhc4z7j5xewniq3fnkopxe3lzefvlt3g3jkjs4xau72ho2i"
    assert str(cid_of(dragon().to_bytes())) == expected


@given(st.text(min_size=1), st.text(), st.integers(0, 10**6), st.integers(0, 10_000))
def test_what_is_written_is_read_back(name: str, text: str, level: int, fee: int) -> None:
    document = dragon(level, name=name, description=text, seller_fee_basis_points=fee)

    assert parse(document.to_bytes()) == document
    assert parse(document.to_bytes()).level == level


def test_fields_beyond_ours_are_passed_over() -> None:
    document = json.loads(dragon().to_bytes()) | {"youtube_url": "https://x.example"}

    assert parse(json.dumps(document).encode()).level == 3


@pytest.mark.requirement("VE-1")
@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"name": None}, "name"),
        ({"symbol": 7}, "symbol"),
        ({"image": None}, "image"),
        ({"seller_fee_basis_points": "5"}, "seller_fee_basis_points"),
        ({"seller_fee_basis_points": 10_001}, "seller_fee_basis_points"),
        ({"attributes": []}, "Level"),
        ({"attributes": [{"trait_type": "Level", "value": "3"}]}, "Level"),
        ({"attributes": [{"trait_type": "Level", "value": 3.0}]}, "attributes.0.value"),
        ({"attributes": [{"trait_type": "Level", "value": True}]}, "attributes.0.value"),
        ({"attributes": [{"trait_type": "Level", "value": 3}] * 2}, "Level"),
        ({"properties": {"files": [], "category": "image"}}, "properties.files"),
        ({"properties": {}}, "properties.files"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], named: str) -> None:
    document = json.loads(dragon().to_bytes()) | change

    with pytest.raises(Permanent, match=named):
        parse(json.dumps(document).encode())


@pytest.mark.parametrize("document", [b"", b"<html>", b"[]", b'"text"', b"\xff\xfe"])
def test_what_is_no_json_object_is_refused(document: bytes) -> None:
    with pytest.raises(Permanent, match="metadata document"):
        parse(document)


def test_a_second_level_is_refused_before_anything_is_uploaded() -> None:
    with pytest.raises(Permanent, match="Level"):
        dragon(attributes=(Attribute(trait_type="Level", value=9),))

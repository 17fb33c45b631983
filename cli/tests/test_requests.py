"""Given flags or a file, when they are read, then there are requests, or every fault by name."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from solders.keypair import Keypair

from mint_content.accepted import AcceptedMedia
from mint_events.catalogue import Attribute, Creator, MintRequested
from trimint.failing import Failed
from trimint.requests import faults_of, read_file, requests_of

WALLET = str(Keypair.from_seed(b"w" * 32).pubkey())
PNG = b"\x89PNG\r\n\x1a\n rest"
MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0\0\0\x08moov"
MEDIA = AcceptedMedia()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "hero.png").write_bytes(PNG)
    return tmp_path


def row(**changed: Any) -> dict[str, Any]:
    right = {
        "mint_id": "m-1",
        "user": "alice",
        "wallet": WALLET,
        "name": "Hero #1",
        "symbol": "HERO",
        "level": 7,
        "image": "images/hero.png",
    }
    return {name: value for name, value in {**right, **changed}.items() if value is not None}


def read(
    folder: Path, *rows: dict[str, Any], media: AcceptedMedia | None = MEDIA
) -> list[MintRequested]:
    numbers = count(1)
    return requests_of(rows, folder, lambda: f"new-{next(numbers)}", media=media)


def test_a_row_becomes_a_request_with_the_image_that_lies_beside_the_file(folder: Path) -> None:
    (request,) = read(folder, row())

    assert request == MintRequested(
        mint_id="m-1",
        user_id="alice",
        wallet=WALLET,
        name="Hero #1",
        symbol="HERO",
        level=7,
        image=PNG,
    )


def test_a_mint_without_an_id_is_given_one(folder: Path) -> None:
    requests = read(folder, row(mint_id=None), row(mint_id=None))

    assert [request.mint_id for request in requests] == ["new-1", "new-2"]


def test_csv_and_json_say_the_same(folder: Path) -> None:
    names = ("mint_id", "user", "wallet", "name", "symbol", "level", "image")
    cells = ",".join(str(row()[name]) for name in names)
    (folder / "mints.csv").write_text(f"{','.join(names)},description\n{cells},\n")
    (folder / "mints.json").write_text(json.dumps([row()]))

    from_csv = read(folder, *map(dict, read_file(folder / "mints.csv")))
    from_json = read(folder, *map(dict, read_file(folder / "mints.json")))

    assert from_csv == from_json


def test_json_can_say_all_that_a_request_has(folder: Path) -> None:
    (request,) = read(
        folder,
        row(
            creators=[{"address": WALLET, "share": 100}],
            attributes=[{"trait_type": "Guild", "value": "Smiths"}],
            seller_fee_basis_points=250,
            is_mutable=False,
        ),
    )

    assert request.creators == (Creator(address=WALLET, share=100),)
    assert request.attributes == (Attribute(trait_type="Guild", value="Smiths"),)
    assert (request.seller_fee_basis_points, request.is_mutable) == (250, False)


@pytest.mark.requirement("MF-2")
@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"wallet": "xyz"}, "wallet: 'xyz' is not a Solana address"),
        ({"name": "n" * 33}, "name: expected 1 to 32 bytes"),
        ({"name": "ü" * 17}, "name: expected 1 to 32 bytes"),
        ({"symbol": "s" * 11}, "symbol: expected at most 10 bytes"),
        ({"level": "seven"}, "level: Input should be a valid integer"),
        ({"image": None}, "image: expected either an image file or an image_uri"),
        ({"image_uri": "ipfs://x"}, "image: expected either an image file or an image_uri"),
        ({"image": "images/none.png"}, "image: .*No such file"),
        ({"user": None}, "user: Field required"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
    ],
)
def test_a_fault_names_its_mint_and_field(folder: Path, changed: dict[str, Any], told: str) -> None:
    with pytest.raises(Failed, match=f"mint 2: {told}"):
        read(folder, row(), row(**changed))


def test_every_fault_is_told_at_once(folder: Path) -> None:
    with pytest.raises(Failed) as failed:
        read(folder, row(wallet="xyz", symbol="s" * 11), row(level="seven"))

    assert str(failed.value).count("mint 1:") == 2
    assert str(failed.value).count("mint 2:") == 1


def test_an_image_of_another_type_is_a_fault(folder: Path) -> None:
    (folder / "hero.svg").write_text("<svg/>")

    with pytest.raises(Failed, match=r"image: it is an SVG.*TRIMINT_IMAGE_SVG=true"):
        read(folder, row(image="hero.svg"))


@pytest.mark.requirement("MF-2")
def test_an_animation_lies_beside_the_file_like_the_image(folder: Path) -> None:
    (folder / "hero.mp4").write_bytes(MP4)

    (request,) = read(folder, row(animation="hero.mp4"))

    assert (request.image, request.animation) == (PNG, MP4)


@pytest.mark.requirement("MF-2")
@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"image": "hero.mp4"}, "image: it is an MP4 video: send that as the animation"),
        ({"animation": "images/hero.png"}, "animation: it is image/png: send an MP4"),
        ({"animation": "hero.mp4", "animation_uri": "ipfs://x"}, "animation: .*not both"),
        ({"animation": "none.mp4"}, "No such file"),
    ],
)
def test_a_video_in_the_wrong_place_is_told_before_anything_is_sent(
    folder: Path, changed: dict[str, Any], told: str
) -> None:
    (folder / "hero.mp4").write_bytes(MP4)

    with pytest.raises(Failed, match=told):
        read(folder, row(**changed))


def test_limits_can_be_left_to_the_services(folder: Path) -> None:
    (request,) = read(folder, row(wallet="xyz"), media=None)

    assert [fault.split(":")[0] for fault in faults_of(request, MEDIA)] == ["wallet"]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("mints.txt", "", r"ends in \.json or \.csv"),
        ("mints.json", "{", "is not JSON"),
        ("mints.json", "{}", "expected a list of objects"),
    ],
)
def test_a_file_that_is_none_is_told_by_name(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    (tmp_path / name).write_text(text)

    with pytest.raises(Failed, match=f"{name}: .*{told}"):
        read_file(tmp_path / name)


def test_a_file_that_is_not_there_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"none\.csv: can not be read"):
        read_file(tmp_path / "none.csv")

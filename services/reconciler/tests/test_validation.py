"""Every limit of MF-2: at the limit it is accepted, beyond it the field is named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from mint_chain.addresses import metadata_address
from mint_content.accepted import AcceptedMedia
from mint_content.cid import Cid, Codec
from mint_events import catalogue as c
from mint_events.topics import MAX_INLINE_BYTES
from reconciler.validation import first_fault

from . import given as g

OFF_CURVE = str(metadata_address(Pubkey.from_string(g.WALLET)))
CID = Cid.of_block(b"image", Codec.RAW)
MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0\0\0\x08moov"
JPEG, GIF, WEBP = b"\xff\xd8\xff image", b"GIF89a image", b"RIFF....WEBPVP8 image"


def creators(*shares: int) -> tuple[c.Creator, ...]:
    return tuple(
        c.Creator(address=str(Keypair.from_seed(bytes([n]) * 32).pubkey()), share=share)
        for n, share in enumerate(shares)
    )


ACCEPTABLE: tuple[dict[str, object], ...] = (
    {},
    {"mint_id": "~ " * 64},
    {"user_id": "ユーザー"},
    {"name": "é" * 16},
    {"symbol": "x" * 10},
    {"symbol": ""},
    {"level": 1},
    {"level": 100},
    {"seller_fee_basis_points": 10_000},
    {"creators": creators(100)},
    {"creators": creators(20, 20, 20, 20, 20)},
    {"creators": creators(100, 0)},
    {"image": JPEG},
    {"image": GIF},
    {"image": WEBP},
    {"image": g.PNG.ljust(1024)},
    {"image": None, "image_uri": f"ipfs://{CID}"},
    {"image": None, "image_uri": "https://x.org/" + "a" * 2000},
    {"animation": MP4.ljust(2048)},
    {"animation_uri": f"ipfs://{CID}"},
    {"animation_uri": "https://x.org/a.mp4"},
    {"collection": OFF_CURVE},
    {"external_url": "https://example.org/nft"},
    {"attributes": (c.Attribute(trait_type="Colour", value="red"),)},
)

UNACCEPTABLE: tuple[tuple[str, dict[str, object], str], ...] = (
    ("mint_id", {"mint_id": ""}, "1 to 128 printable ASCII"),
    ("mint_id", {"mint_id": "x" * 129}, "1 to 128 printable ASCII"),
    ("mint_id", {"mint_id": "é"}, "1 to 128 printable ASCII"),
    ("mint_id", {"mint_id": "a\n"}, "1 to 128 printable ASCII"),
    ("user_id", {"user_id": ""}, "1 to 256 printable"),
    ("user_id", {"user_id": "u" * 257}, "1 to 256 printable"),
    ("user_id", {"user_id": "a\tb"}, "1 to 256 printable"),
    ("wallet", {"wallet": "not-base58-0OIl"}, "not a Solana address"),
    ("wallet", {"wallet": g.WALLET[:-4]}, "not a Solana address"),
    ("wallet", {"wallet": OFF_CURVE}, "off the ed25519 curve"),
    ("name", {"name": ""}, "1 to 32 bytes"),
    ("name", {"name": "é" * 17}, "34 bytes: at most 32"),
    ("name", {"name": "a\0"}, "NUL"),
    ("symbol", {"symbol": "x" * 11}, "11 bytes: at most 10"),
    ("level", {"level": 0}, "0 is not in 1 to 100"),
    ("level", {"level": 101}, "101 is not in 1 to 100"),
    ("image", {"image": None}, "give `image` or `image_uri`"),
    ("image", {"image_uri": f"ipfs://{CID}"}, "give one of them"),
    ("image", {"image": b""}, "no PNG, JPEG, GIF or WebP"),
    ("image", {"image": b"<svg/>"}, "TRIMINT_IMAGE_SVG=true"),
    ("image", {"image": MP4}, "send that as the animation, and a still image"),
    ("image", {"image": g.PNG.ljust(1025)}, "1025 bytes: at most 1024"),
    ("image_uri", {"image": None, "image_uri": "https:///a.png"}, "not an http or https URL"),
    ("image_uri", {"image": None, "image_uri": "https://x.org/" + "a" * 2048}, "at most 2048"),
    ("image_uri", {"image": None, "image_uri": "ipfs://nonsense"}, "not a CID"),
    ("image_uri", {"image": None, "image_uri": "ar://x"}, "not an IPFS address"),
    ("image_uri", {"image": None, "image_uri": "ipfs://" + "b" * 200}, "at most 200"),
    ("image", {"image": None, "animation": MP4}, "give `image` or `image_uri`"),
    ("animation", {"animation": g.PNG}, "send an MP4 video"),
    ("animation", {"animation": MP4.ljust(2049)}, "2049 bytes: at most 2048"),
    ("animation", {"animation": MP4, "animation_uri": f"ipfs://{CID}"}, "give one of them"),
    ("animation_uri", {"animation_uri": "ipfs://nonsense"}, "not a CID"),
    ("animation_uri", {"animation_uri": "https:///a.mp4"}, "not an http or https URL"),
    ("seller_fee_basis_points", {"seller_fee_basis_points": -1}, "0 to 10000"),
    ("seller_fee_basis_points", {"seller_fee_basis_points": 10_001}, "0 to 10000"),
    ("creators", {"creators": creators(50, 49)}, "sum to 100, not 99"),
    ("creators", {"creators": creators(150, -50)}, "each be 0 to 100"),
    ("creators", {"creators": creators(*[10] * 4, 30, 30)}, "at most 5"),
    ("creators", {"creators": creators(50) + creators(50)}, "there twice"),
    ("creators", {"creators": (c.Creator(address="x", share=100),)}, "not a Solana address"),
    ("attributes", {"attributes": (c.Attribute(trait_type="level", value="9"),)}, "leave it out"),
    ("attributes", {"attributes": (c.Attribute(trait_type=" ", value="9"),)}, "name every trait"),
    ("external_url", {"external_url": "javascript:alert(1)"}, "not an http or https URL"),
    ("external_url", {"external_url": "https://[bad"}, "not an http or https URL"),
    ("external_url", {"external_url": "https://x.org/" + "a" * 200}, "at most 200"),
    ("collection", {"collection": "x"}, "not a Solana address"),
)


@pytest.mark.requirement("MF-2")
@pytest.mark.parametrize("changes", ACCEPTABLE, ids=lambda changes: ",".join(changes) or "plain")
def test_what_is_within_the_limits_is_accepted(changes: dict[str, object]) -> None:
    assert first_fault(g.request(**changes), g.LIMITS) is None  # type: ignore[arg-type] # by the test


@pytest.mark.requirement("MF-2")
@pytest.mark.parametrize(("field", "changes", "says"), UNACCEPTABLE)
def test_what_is_beyond_a_limit_names_the_field_and_what_would_be_right(
    field: str, changes: dict[str, object], says: str
) -> None:
    fault = first_fault(g.request(**changes), g.LIMITS)  # type: ignore[arg-type] # by the test
    assert fault is not None
    assert fault.field == field
    assert says in fault.detail


@pytest.mark.requirement("MF-2")
def test_an_svg_is_accepted_where_the_operator_allows_it() -> None:
    allowing = replace(g.LIMITS, media=replace(g.MEDIA, svg=True))

    assert first_fault(g.request(image=b"<svg/>"), allowing) is None


@pytest.mark.requirement("MF-2")
def test_media_that_do_not_fit_into_one_event_are_to_be_given_by_uri() -> None:
    generous = replace(g.LIMITS, media=AcceptedMedia())
    half = MAX_INLINE_BYTES // 2 + 1

    one = first_fault(g.request(animation=MP4.ljust(half)), generous)
    both = first_fault(g.request(image=g.PNG.ljust(half), animation=MP4.ljust(half)), generous)

    assert one is None
    assert both is not None
    assert (both.field, "give an ipfs:// or https:// URI" in both.detail) == ("animation", True)

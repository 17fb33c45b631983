"""Image and metadata of a mint have their names before anything is uploaded."""

import json
from hashlib import sha256

import pytest

from ipfs_uploader.assets import animation_content, image_content, metadata_content
from mint_content.accepted import AcceptedMedia
from mint_content.unixfs import cid_of
from mint_events.catalogue import Attribute, Creator, MintRequested
from mint_resilience.failures import Permanent

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0\0\0\x08moov"
ACCEPTED = AcceptedMedia(image_max_bytes=len(PNG), animation_max_bytes=len(MP4))

REQUEST = MintRequested(
    mint_id="m-1",
    user_id="u-1",
    wallet="wallet",
    name="Dragon",
    symbol="DRG",
    level=3,
    description="Breathes fire.",
    image=PNG,
    seller_fee_basis_points=500,
    creators=(Creator(address="creator", share=100),),
    attributes=(Attribute(trait_type="Wings", value="two"),),
    external_url="https://dragons.example",
)


@pytest.mark.requirement("IP-2")
def test_an_image_is_named_by_its_bytes() -> None:
    image = image_content("m-1", PNG, ACCEPTED)

    assert (image.name, image.media_type, image.cid) == ("m-1.png", "image/png", cid_of(PNG))


@pytest.mark.requirement("MF-2")
@pytest.mark.parametrize(
    ("data", "why"),
    [
        (PNG + b"!", "image: it has 109 bytes: at most 108"),
        (b"<svg/>", "image: it is an SVG"),
        (MP4, "image: it is an MP4 video"),
        (b"", "image: its bytes are no PNG"),
    ],
)
def test_an_image_beyond_size_or_type_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(Permanent, match=why):
        image_content("m-1", data, ACCEPTED)


@pytest.mark.requirement("MF-2")
@pytest.mark.parametrize(
    ("data", "why"),
    [(MP4 + b"!", "animation: it has 33 bytes"), (b"GIF89a", "animation: it is image/gif")],
)
def test_an_animation_beyond_size_or_type_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(Permanent, match=why):
        animation_content("m-1", data, ACCEPTED)


@pytest.mark.requirement("IP-2")
def test_an_animation_is_named_by_its_bytes_and_by_the_metadata() -> None:
    image = image_content("m-1", PNG, ACCEPTED)
    animation = animation_content("m-1", MP4, ACCEPTED)

    document = json.loads(metadata_content(REQUEST, image, animation).data)

    assert (animation.name, animation.cid) == ("m-1.mp4", cid_of(MP4))
    assert (document["image"], document["animation_url"]) == (image.cid.uri, animation.cid.uri)


@pytest.mark.requirement("MF-4")
def test_the_metadata_says_what_was_requested() -> None:
    image = image_content("m-1", PNG, ACCEPTED)

    content = metadata_content(REQUEST, image)

    assert content.cid == cid_of(content.data)
    assert (content.name, content.media_type) == ("m-1.json", "application/json")
    assert json.loads(content.data) == {
        "name": "Dragon",
        "symbol": "DRG",
        "description": "Breathes fire.",
        "image": image.cid.uri,
        "external_url": "https://dragons.example",
        "seller_fee_basis_points": 500,
        "attributes": [
            {"trait_type": "Level", "value": 3},
            {"trait_type": "Wings", "value": "two"},
        ],
        "properties": {
            "category": "image",
            "files": [{"type": "image/png", "uri": image.cid.uri}],
            "creators": [{"address": "creator", "share": 100}],
        },
    }


def test_the_record_of_a_pin_tells_how_to_check_it() -> None:
    asset = image_content("m-1", PNG, ACCEPTED).pinned_by(("pinata",))

    assert asset.uri == f"ipfs://{asset.cid}"
    assert asset.sha256 == sha256(PNG).hexdigest()
    assert (asset.size, asset.providers) == (len(PNG), ("pinata",))

"""Image and metadata of a mint have their names before anything is uploaded."""

import json
from hashlib import sha256

import pytest

from ipfs_uploader.assets import image_content, metadata_content
from mint_content.unixfs import cid_of
from mint_events.catalogue import Attribute, Creator, MintRequested
from mint_resilience.failures import Permanent

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
TYPES = ("image/png",)

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
    image = image_content("m-1", PNG, len(PNG), TYPES)

    assert (image.name, image.media_type, image.cid) == ("m-1.png", "image/png", cid_of(PNG))


@pytest.mark.requirement("MF-2")
@pytest.mark.parametrize(
    ("data", "limit", "why"),
    [
        (PNG, len(PNG) - 1, "108 bytes; at most 107"),
        (b"<svg/>", 100, "image/svg.xml; send image/png"),
        (b"", 1, "of an unknown type; send image/png"),
    ],
)
def test_an_image_beyond_size_or_type_is_refused(data: bytes, limit: int, why: str) -> None:
    with pytest.raises(Permanent, match=why):
        image_content("m-1", data, limit, TYPES)


@pytest.mark.requirement("MF-4")
def test_the_metadata_says_what_was_requested() -> None:
    image = image_content("m-1", PNG, len(PNG), TYPES)

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
    asset = image_content("m-1", PNG, len(PNG), TYPES).pinned_by(("pinata",))

    assert asset.uri == f"ipfs://{asset.cid}"
    assert asset.sha256 == sha256(PNG).hexdigest()
    assert (asset.size, asset.providers) == (len(PNG), ("pinata",))

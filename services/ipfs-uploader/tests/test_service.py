"""An accepted mint's image and metadata are on IPFS, or the reason why they are not is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest

from ipfs_uploader.health import layer_health
from ipfs_uploader.kubo import Kubo
from ipfs_uploader.pinata import Pinata
from ipfs_uploader.pinning import Pinning
from ipfs_uploader.service import Uploader
from mint_content.cid import Cid
from mint_content.metadata import parse
from mint_content.unixfs import Layout, cid_of, verify
from mint_events.bus import Publish
from mint_events.catalogue import (
    AssetPinFailed,
    AssetsPinned,
    AssetsUnpinned,
    Event,
    MintAccepted,
    MintRequested,
    UnpinRequested,
)
from mint_events.envelope import Envelope, Received, root
from mint_resilience.backoff import Backoff
from mint_resilience.failures import Permanent, Transient

if TYPE_CHECKING:
    from conftest import Network

NOW = datetime(2026, 11, 23, tzinfo=UTC)
IMPATIENT = Backoff(attempts=2, base=0.0)

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)

MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0\0\0\x08moov"

REQUEST = MintRequested(
    mint_id="m-1",
    user_id="u-1",
    wallet="wallet",
    name="Dragon",
    symbol="DRG",
    level=3,
    image=PNG,
)

HAPPY_CALLS = [
    "gateway-1 GET /ipfs/image",
    "gateway-1 GET /ipfs/metadata",
    "pinata GET /v3/files/public",
    "pinata GET /v3/files/public",
    "pinata POST /v3/files",
    "pinata POST /v3/files",
]


def accepted(request: MintRequested = REQUEST) -> MintAccepted:
    return MintAccepted(mint_id=request.mint_id, request=request, arrival=1)


def received(envelope: Envelope) -> Received:
    return Received(
        envelope=envelope,
        topic="mint.ledger",
        partition=0,
        offset=0,
        key=b"",
        value=b"",
        headers=(),
    )


async def told(uploader: Uploader, event: Event) -> list[Event]:
    """The events that the uploader publishes as its answer; what it puts off is left out."""
    cause = root(event, id=UUID(int=1), source="reconciler", time=NOW)
    outputs = await uploader.handle(received(cause))
    return [output.envelope.event for output in outputs if isinstance(output, Publish)]


async def pinned(uploader: Uploader, request: MintRequested = REQUEST) -> AssetsPinned:
    [answer] = await told(uploader, accepted(request))
    assert isinstance(answer, AssetsPinned), answer
    return answer


async def failed(uploader: Uploader, request: MintRequested = REQUEST) -> AssetPinFailed:
    [answer] = await told(uploader, accepted(request))
    assert isinstance(answer, AssetPinFailed), answer
    return answer


@pytest.mark.requirement("MF-4", "IP-1", "IP-2")
async def test_image_and_metadata_are_pinned_and_come_back(
    uploader: Uploader, network: Network, http: httpx.AsyncClient
) -> None:
    answer = await pinned(uploader)

    assert answer.mint_id == "m-1"
    assert answer.image.cid == str(cid_of(PNG))
    assert parse(answer.metadata_json).image == answer.image.uri
    assert parse(answer.metadata_json).level == 3
    for asset in (answer.image, answer.metadata):
        served = await http.get(f"{network.endpoints.gateways[-1]}/ipfs/{asset.cid}")
        assert verify(served.content, Cid.parse(asset.cid))
        assert asset.size == len(served.content)
        assert asset.providers == ("pinata",)


@pytest.mark.requirement("MF-4", "IP-2")
async def test_an_animation_is_pinned_beside_the_image_and_named_by_the_metadata(
    uploader: Uploader, network: Network, http: httpx.AsyncClient
) -> None:
    answer = await pinned(uploader, replace(REQUEST, animation=MP4))

    assert answer.animation is not None
    assert answer.animation.cid == str(cid_of(MP4))
    assert answer.animation.media_type == "video/mp4"
    assert parse(answer.metadata_json).animation_url == answer.animation.uri
    served = await http.get(f"{network.endpoints.gateways[0]}/ipfs/{answer.animation.cid}")
    assert served.content == MP4
    assert network.uploads("pinata") == 3


@pytest.mark.requirement("MF-9")
async def test_an_animation_is_claimed_so_that_no_other_mints_failure_unpins_it(
    uploader: Uploader, pinata: Pinata
) -> None:
    answer = await pinned(uploader, replace(REQUEST, animation=MP4))
    assert answer.animation is not None
    cids = (answer.animation.cid,)

    told_of = await told(uploader, UnpinRequested(mint_id="m-2", cids=cids))

    assert told_of == [AssetsUnpinned(mint_id="m-2", cids=cids, kept=cids)]
    assert await pinata.holds(cid_of(MP4))


async def test_a_mint_costs_six_calls(uploader: Uploader, network: Network) -> None:
    answer = await pinned(uploader)

    calls = [
        call.replace(answer.image.cid, "image").replace(answer.metadata.cid, "metadata")
        for call in network.calls
    ]
    assert sorted(calls) == HAPPY_CALLS


@pytest.mark.requirement("IP-2")
async def test_the_same_event_again_uploads_nothing_and_says_the_same(
    uploader: Uploader, network: Network
) -> None:
    first = await pinned(uploader)
    again = await pinned(uploader)

    assert again == first
    assert network.uploads("pinata") == 2
    assert network.uploads("kubo") == 0


@pytest.mark.requirement("IP-3")
async def test_a_lost_reply_is_looked_up_and_not_repeated(
    uploader: Uploader, network: Network
) -> None:
    network.fail("pinata", "reply lost")

    answer = await pinned(uploader)

    assert answer.image.providers == ("pinata",)
    assert network.uploads("pinata") == 2


@pytest.mark.requirement("MF-4", "IP-1", "IP-3")
@pytest.mark.parametrize("fault", ["broken", "locked", "other name"])
async def test_when_the_primary_fails_the_backup_keeps_the_content(
    uploader: Uploader, network: Network, fault: str
) -> None:
    network.fail("pinata", fault)

    answer = await pinned(uploader)

    assert answer.image.providers == answer.metadata.providers == ("kubo",)


@pytest.mark.requirement("IP-3")
async def test_a_transient_failure_is_tried_as_often_as_the_policy_says(
    uploader: Uploader, network: Network
) -> None:
    network.fail_once("pinata", "/v3/files", "broken")

    assert (await pinned(uploader)).image.providers == ("pinata",)
    assert network.uploads("pinata") == 3


@pytest.mark.requirement("IP-4")
async def test_a_gateway_with_a_wrong_body_is_passed_over(
    uploader: Uploader, network: Network
) -> None:
    network.fail("gateway-1", "wrong body")

    await pinned(uploader)

    assert any(call.startswith("gateway-2") for call in network.calls)


@pytest.mark.requirement("MF-4")
@pytest.mark.parametrize("fault", ["broken", "missing", "wrong body"])
async def test_content_that_does_not_come_back_is_not_said_to_be_pinned(
    uploader: Uploader, network: Network, fault: str
) -> None:
    for number in (1, 2, 3):
        network.fail(f"gateway-{number}", fault)

    with pytest.raises(Transient, match="could not be retrieved"):
        await told(uploader, accepted())


@pytest.mark.requirement("NR-3")
async def test_while_no_provider_is_there_the_mint_waits(
    uploader: Uploader, network: Network
) -> None:
    network.fail("pinata", "broken")
    network.fail("kubo", "locked")

    with pytest.raises(Transient, match="no provider keeps"):
        await told(uploader, accepted())


async def test_what_every_provider_refuses_fails_the_mint(
    uploader: Uploader, network: Network
) -> None:
    network.fail("pinata", "missing")
    network.fail("kubo", "missing")

    answer = await failed(uploader)

    assert (answer.failure, answer.pinned) == ("permanent", ())
    assert "no provider keeps" in answer.detail


async def test_what_was_pinned_before_a_failure_is_told(
    uploader: Uploader, network: Network
) -> None:
    network.fail("pinata", "documents refused")
    network.fail("kubo", "missing")
    request = replace(REQUEST, image=PNG + bytes(5000))

    answer = await failed(uploader, request)

    assert [asset.media_type for asset in answer.pinned] == ["image/png"]


@pytest.mark.requirement("MF-2")
@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"image": PNG + bytes(1024 * 1024)}, "at most"),
        ({"image": b"<svg/>"}, "TRIMINT_IMAGE_SVG=true"),
        ({"image": MP4}, "send that as the animation"),
        ({"animation": PNG}, "animation: it is image/png"),
        ({"animation_uri": "https://127.0.0.1/1.mp4"}, "not on the public Internet"),
        ({"image": None}, "neither image nor image_uri"),
        ({"image": None, "image_uri": "https://127.0.0.1/1.png"}, "not on the public Internet"),
        ({"image": None, "image_uri": "ipfs://nonsense"}, "not a CID"),
    ],
)
async def test_an_image_that_cannot_be_used_fails_the_mint_before_any_upload(
    uploader: Uploader, network: Network, change: dict[str, Any], why: str
) -> None:
    answer = await failed(uploader, replace(REQUEST, **change))

    assert why in answer.detail
    assert network.calls == []


@pytest.mark.requirement("IP-4")
@pytest.mark.parametrize("layout", Layout)
async def test_an_image_on_ipfs_is_fetched_by_its_name_and_pinned(
    uploader: Uploader, network: Network, http: httpx.AsyncClient, layout: Layout
) -> None:
    added = await http.post(
        f"{network.endpoints.kubo_rpc}/api/v0/add?cid-version={layout.value}", files={"file": PNG}
    )
    request = replace(REQUEST, image=None, image_uri=f"ipfs://{added.json()['Hash']}")

    answer = await pinned(uploader, request)

    assert answer.image.cid == str(cid_of(PNG))
    assert answer.image.providers == ("pinata",)


async def test_an_image_that_no_gateway_has_fails_the_mint(uploader: Uploader) -> None:
    request = replace(REQUEST, image=None, image_uri=cid_of(b"nowhere").uri)

    answer = await failed(uploader, request)

    assert "could not be retrieved" in answer.detail


async def test_an_image_that_gateways_may_have_later_is_waited_for(
    uploader: Uploader, network: Network
) -> None:
    network.fail("gateway-2", "broken")
    request = replace(REQUEST, image=None, image_uri=cid_of(b"nowhere").uri)

    with pytest.raises(Transient):
        await told(uploader, accepted(request))


@pytest.mark.requirement("MF-9")
async def test_unpinned_content_is_held_by_no_provider(
    uploader: Uploader, pinata: Pinata, kubo: Kubo, network: Network
) -> None:
    assets = await pinned(uploader)
    network.fail("pinata", "broken")
    await pinned(uploader)
    network.faults.clear()
    cids = (assets.image.cid, assets.metadata.cid)

    answer = await told(uploader, UnpinRequested(mint_id="m-1", cids=cids))

    assert answer == [AssetsUnpinned(mint_id="m-1", cids=cids)]
    for cid in map(Cid.parse, cids):
        assert not await pinata.holds(cid)
        assert not await kubo.holds(cid)


async def test_unpinning_again_says_the_same(uploader: Uploader) -> None:
    event = UnpinRequested(mint_id="m-1", cids=(str(cid_of(PNG)),))

    assert await told(uploader, event) == await told(uploader, event)


async def test_unpinning_waits_for_every_provider(uploader: Uploader, network: Network) -> None:
    network.fail("kubo", "broken")

    with pytest.raises(Transient):
        await told(uploader, UnpinRequested(mint_id="m-1", cids=(str(cid_of(PNG)),)))


async def test_a_name_to_unpin_that_is_none_is_refused(uploader: Uploader) -> None:
    with pytest.raises(Permanent):
        await told(uploader, UnpinRequested(mint_id="m-1", cids=("nonsense",)))


async def test_other_events_are_of_no_concern(uploader: Uploader, network: Network) -> None:
    assert await told(uploader, REQUEST) == []
    assert network.calls == []


@pytest.mark.requirement("MF-3")
async def test_the_layer_is_well_while_one_provider_is(pinning: Pinning, network: Network) -> None:
    network.fail("pinata", "locked")
    assert (await layer_health(pinning.providers, IMPATIENT, deadline=30)).fault is None

    network.fail("kubo", "broken")
    fault = (await layer_health(pinning.providers, IMPATIENT, deadline=30)).fault
    assert fault is not None
    assert "401" in fault
    assert "503" in fault


@pytest.mark.requirement("OB-8")
async def test_the_answer_follows_from_its_cause(uploader: Uploader) -> None:
    cause = root(accepted(), id=UUID(int=1), source="reconciler", time=datetime.now(UTC))

    [output] = await uploader.handle(received(cause))
    [again] = await uploader.handle(received(cause))

    assert isinstance(output, Publish)
    assert isinstance(output.envelope.event, AssetsPinned)
    assert output == again
    assert output.envelope.causation_id == cause.id
    assert output.envelope.correlation_id == cause.correlation_id
    assert output.envelope.source == "ipfs-uploader"


async def test_an_event_of_no_concern_has_no_answer(uploader: Uploader) -> None:
    cause = root(REQUEST, id=UUID(int=1), source="upstream", time=datetime.now(UTC))

    assert await uploader.handle(received(cause)) == ()

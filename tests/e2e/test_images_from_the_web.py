"""Images that a request names by an https URL: fetched within the policy, waited for, given up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from support.orders import order, picture, video
from support.upstream import Upstream, upstream
from support.website import CERTIFICATE, Website, website

from mint_content.unixfs import cid_of
from mint_events.bus import Cluster, Wait, delay_topic
from mint_events.catalogue import AssetPinFailed, AssetsPinned, MintCompleted, MintRequested
from mint_events.topics import DEADLETTER, IPFS, LEDGER
from trimint.fleet import Fleet

RETRY = Wait(1.0)
ALLOWED_AFTER_A_WHILE = {
    "TRIMINT_IMAGE_URL_RETRY_SECONDS": f"{RETRY.seconds:g}",
    "TRIMINT_IMAGE_URL_CA_PATH": str(CERTIFICATE),
}


@pytest_asyncio.fixture(loop_scope="session")
async def site() -> AsyncIterator[Website]:
    async with website() as site:
        yield site


@pytest.fixture
def patience() -> float:
    """Seconds; longer than any test takes."""
    return 3600.0


@pytest.fixture
def settings(site: Website, patience: float) -> dict[str, str]:
    """The operator has allowed the site's address, though it is not on the public Internet."""
    return {
        **ALLOWED_AFTER_A_WHILE,
        "TRIMINT_IMAGE_URL_ALLOWED_HOSTS": site.host,
        "TRIMINT_IMAGE_URL_PATIENCE_SECONDS": str(patience),
    }


@pytest_asyncio.fixture(loop_scope="session")
async def shop(cluster: Cluster) -> AsyncIterator[Upstream]:
    """The upstream system, which reads here what the uploader says, too."""
    async with upstream(cluster, (LEDGER, IPFS, DEADLETTER)) as shop:
        yield shop


def by_url(request: MintRequested, url: str) -> MintRequested:
    return replace(request, image=None, image_uri=url)


@pytest.mark.requirement("IP-6", "NR-6")
async def test_while_the_host_is_down_the_mint_waits_in_kafka_also_through_kill_9(
    fleet: Fleet, shop: Upstream, site: Website, cluster: Cluster, unique_name: str
) -> None:
    site.files |= {"/1.png": picture(1), "/1.mp4": video(1)}
    request = replace(
        by_url(order(unique_name), f"{site.url}/1.png"), animation_uri=f"{site.url}/1.mp4"
    )

    await shop.request(request)
    async with upstream(cluster, (delay_topic("ipfs-uploader", RETRY),)) as waiting:
        await waiting.progress(1, within=60)
        await fleet["ipfs-uploader"].kill()
        fleet["ipfs-uploader"].start()
        await waiting.progress(1, within=60)  # the restarted one has tried, and waits again
    await site.open()
    pinned = await shop.first(AssetsPinned, mint_id=request.mint_id)

    assert pinned.image.cid == str(cid_of(picture(1)))
    assert pinned.animation is not None
    assert pinned.animation.cid == str(cid_of(video(1)))
    await shop.first(MintCompleted, mint_id=request.mint_id)


@pytest.mark.requirement("IP-6")
@pytest.mark.parametrize("patience", [1.5])
async def test_a_host_that_stays_down_fails_the_mint_when_patience_has_run_out(
    fleet: Fleet, shop: Upstream, site: Website, unique_name: str
) -> None:
    request = by_url(order(unique_name), f"{site.url}/1.png")

    await shop.request(request)
    failed = await shop.first(AssetPinFailed, mint_id=request.mint_id)

    assert failed.failure == "permanent"
    assert site.url in failed.detail
    assert failed.detail.endswith("given up after 1.5 s")


@pytest.mark.requirement("IP-6")
async def test_a_redirect_into_the_network_is_not_followed(
    fleet: Fleet, shop: Upstream, site: Website, unique_name: str
) -> None:
    site.redirects["/1.png"] = "https://169.254.169.254/latest/meta-data"
    await site.open()

    await shop.request(request := by_url(order(unique_name), f"{site.url}/1.png"))
    failed = await shop.first(AssetPinFailed, mint_id=request.mint_id)

    assert "https://169.254.169.254/latest/meta-data" in failed.detail
    assert "not on the public Internet" in failed.detail


@pytest.mark.requirement("IP-6")
@pytest.mark.parametrize("settings", [{}])
async def test_an_address_inside_the_network_is_refused_by_default(
    fleet: Fleet, shop: Upstream, site: Website, unique_name: str
) -> None:
    await site.open()
    urls = {
        f"{site.url}/1.png": "only the scheme's own port",
        "https://127.0.0.1/1.png": "not on the public Internet",
        "https://localhost/1.png": "not on the public Internet",
        "http://127.0.0.1/1.png": "only https",
    }
    requests = {
        url: by_url(order(unique_name, number), url) for number, url in enumerate(urls, start=1)
    }

    await shop.request(*requests.values())

    for url, says in urls.items():
        failed = await shop.first(AssetPinFailed, mint_id=requests[url].mint_id)
        assert (failed.failure, failed.pinned) == ("permanent", ())
        assert says in failed.detail

"""What only a backup holds is put back on the primary when it is there again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ipfs_uploader.assets import Content
from ipfs_uploader.kubo import Kubo
from ipfs_uploader.pinata import Pinata
from ipfs_uploader.pinning import Pinning
from ipfs_uploader.repinning import Repinning
from mint_content.unixfs import cid_of
from mint_events.bus import Wait
from mint_events.catalogue import AssetsPinned, AssetsRepinned, PinnedAsset, RepinDue

if TYPE_CHECKING:
    from conftest import Network

IMAGE, DOCUMENT = b"\x89PNG\r\n\x1a\n" + bytes(100), b"{}"
WAITS = (Wait(60), Wait(600))


async def on_the_backup(kubo: Kubo) -> AssetsPinned:
    """A mint whose content was pinned while the primary was away."""
    return AssetsPinned(
        mint_id="m-1",
        image=await kept(kubo, IMAGE, "image/png"),
        metadata=await kept(kubo, DOCUMENT, "application/json"),
        metadata_json=DOCUMENT,
    )


async def kept(kubo: Kubo, data: bytes, media_type: str) -> PinnedAsset:
    content = Content("m-1", media_type, data, cid_of(data))
    await kubo.keep(content)
    return content.pinned_by((kubo.name,))


def due(repinning: Repinning, pinned: AssetsPinned) -> RepinDue:
    found = repinning.due_after(pinned)
    assert found is not None
    return found


@pytest.mark.requirement("IP-3")
async def test_once_the_primary_is_back_it_holds_what_the_backup_holds(
    pinning: Pinning, pinata: Pinata, kubo: Kubo
) -> None:
    repinning = Repinning(pinning, WAITS)
    first = due(repinning, await on_the_backup(kubo))

    result = await repinning.work(first)

    assert isinstance(result.repinned, AssetsRepinned)
    assert result.repinned.image.providers == result.repinned.metadata.providers
    assert result.repinned.image.providers == ("pinata", "kubo")
    assert result.due is None
    assert await pinata.holds(cid_of(IMAGE))
    assert await pinata.holds(cid_of(DOCUMENT))


@pytest.mark.requirement("IP-3")
async def test_an_animation_is_put_back_like_the_rest(
    pinning: Pinning, pinata: Pinata, kubo: Kubo
) -> None:
    repinning = Repinning(pinning, WAITS)
    video = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"
    pinned = await on_the_backup(kubo)
    for data in (IMAGE, DOCUMENT):
        await pinata.keep(Content("m-1", "", data, cid_of(data)))
    first = due(repinning, replace(pinned, animation=await kept(kubo, video, "video/mp4")))

    result = await repinning.work(first)

    assert result.repinned is not None
    assert result.repinned.animation is not None
    assert result.repinned.animation.providers == ("pinata", "kubo")
    assert await pinata.holds(cid_of(video))


@pytest.mark.requirement("IP-3", "NR-6")
async def test_while_the_primary_is_away_the_next_round_is_due_later(
    pinning: Pinning, kubo: Kubo, network: Network
) -> None:
    repinning = Repinning(pinning, WAITS)
    first = due(repinning, await on_the_backup(kubo))
    network.fail("pinata", "broken")

    result = await repinning.work(first)

    assert result.repinned is None
    assert result.due is not None
    assert (result.due.round, repinning.wait(result.due)) == (1, WAITS[1])


async def test_what_was_unpinned_meanwhile_stays_so(pinning: Pinning, kubo: Kubo) -> None:
    repinning = Repinning(pinning, WAITS)
    first = due(repinning, await on_the_backup(kubo))
    for data in (IMAGE, DOCUMENT):
        await kubo.unpin(cid_of(data))

    result = await repinning.work(first)

    assert (result.repinned, result.due) == (None, None)


async def test_nothing_is_due_when_the_preferred_hold_everything(pinning: Pinning) -> None:
    content = Content("m-1", "image/png", IMAGE, cid_of(IMAGE)).pinned_by(("pinata",))
    pinned = AssetsPinned(mint_id="m-1", image=content, metadata=content, metadata_json=b"{}")

    assert Repinning(pinning, WAITS).due_after(pinned) is None

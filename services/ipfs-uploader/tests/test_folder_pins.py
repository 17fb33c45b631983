"""What a folder keeps for several mints is put back and unpinned for each of them as it needs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest

from ipfs_uploader.batches import Batches, BatchLimits
from ipfs_uploader.claims import Claims
from ipfs_uploader.pinata import Pinata
from ipfs_uploader.pinning import Pinning
from ipfs_uploader.repinning import Repinning
from ipfs_uploader.service import Uploader
from ipfs_uploader.together import BatchedPinning, Together
from mint_content.cid import Cid
from mint_content.unixfs import verify
from mint_events.bus import Publish, Wait
from mint_events.catalogue import (
    AssetsPinned,
    AssetsUnpinned,
    Event,
    MintAccepted,
    MintRequested,
    UnpinRequested,
)
from mint_events.envelope import Envelope, Received, root
from mint_resilience.failures import Deferred

if TYPE_CHECKING:
    from conftest import MemoryJournal, Network

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
LIMITS = BatchLimits(items=4, size=1024 * 1024, seconds=3600)


@pytest.fixture
async def batching(
    uploader: Uploader, pinning: Pinning, journal: MemoryJournal
) -> AsyncIterator[Uploader]:
    """The uploader with what it pins going up together."""
    together = Together(pinning=pinning, records=journal)
    async with Batches(together.keep_all, LIMITS) as batches:
        yield replace(uploader, pinner=BatchedPinning(pinning, batches))


def accepted(mint_id: str) -> MintAccepted:
    request = MintRequested(
        mint_id=mint_id,
        user_id="u",
        wallet="w",
        name="n",
        symbol="s",
        level=1,
        image=PNG + mint_id.encode(),
    )
    return MintAccepted(mint_id=mint_id, request=request, arrival=1)


def said(uploader: Uploader, event: Event) -> Envelope:
    return root(event, id=uuid4(), source="reconciler", time=uploader.now())


async def told(uploader: Uploader, event: Event) -> list[Event]:
    """The events that the uploader publishes as its answer."""
    received = Received(
        envelope=said(uploader, event),
        topic="mint.ledger",
        partition=0,
        offset=0,
        key=b"",
        value=b"",
        headers=(),
    )
    outputs = await uploader.handle(received)
    return [output.envelope.event for output in outputs if isinstance(output, Publish)]


async def pinned(uploader: Uploader, mint_id: str) -> AssetsPinned:
    [answer] = await told(uploader, accepted(mint_id))
    assert isinstance(answer, AssetsPinned), answer
    return answer


@pytest.mark.requirement("IP-3")
async def test_what_only_the_backups_folder_holds_is_put_back_on_the_primary(
    batching: Uploader, network: Network, pinata: Pinata, pinning: Pinning
) -> None:
    network.fail("pinata", "broken")
    assets, _ = await two_mints(batching)
    assert assets.image.folder is not None
    network.faults.clear()
    repinning = Repinning(pinning, (Wait(60),))
    due = repinning.due_after(assets)
    assert due is not None

    result = await repinning.work(due)

    assert result.repinned is not None
    assert result.repinned.image.providers == ("pinata", "kubo")
    assert await pinata.holds(Cid.parse(assets.image.cid))


async def unpinned(
    uploader: Uploader, journal: MemoryJournal, mint: AssetsPinned
) -> AssetsUnpinned:
    """What is told when the mint has failed and its content is to be unpinned."""
    journal.forget(mint.mint_id)
    request = UnpinRequested(mint_id=mint.mint_id, cids=cids_of(mint))
    [answer] = await told(uploader, request)
    assert isinstance(answer, AssetsUnpinned)
    return answer


async def two_mints(batching: Uploader) -> list[AssetsPinned]:
    """Two mints with different images, in one folder."""
    both = await asyncio.gather(*(pinned(batching, mint_id) for mint_id in ("m-1", "m-2")))
    assert len({asset.folder for mint in both for asset in (mint.image, mint.metadata)}) == 1
    return both


def cids_of(mint: AssetsPinned) -> tuple[str, str]:
    return mint.image.cid, mint.metadata.cid


@pytest.mark.requirement("MF-9")
async def test_a_folder_stays_pinned_while_another_mint_needs_anything_in_it(
    batching: Uploader, journal: MemoryJournal, network: Network, http: httpx.AsyncClient
) -> None:
    one, other = await two_mints(batching)

    answer = await unpinned(batching, journal, one)

    assert answer.kept == cids_of(one)
    for cid in cids_of(other):
        served = await http.get(f"{network.endpoints.gateways[0]}/ipfs/{cid}")
        assert verify(served.content, Cid.parse(cid))


@pytest.mark.requirement("MF-9")
async def test_a_folder_goes_with_the_last_mint_that_needs_anything_in_it(
    batching: Uploader, journal: MemoryJournal, network: Network, http: httpx.AsyncClient
) -> None:
    one, other = await two_mints(batching)

    await unpinned(batching, journal, one)
    answer = await unpinned(batching, journal, other)

    assert answer.kept == ()
    assert await journal.recent() == []
    for cid in (*cids_of(one), *cids_of(other)):
        served = await http.get(f"{network.endpoints.gateways[0]}/ipfs/{cid}")
        assert served.status_code == 404


@pytest.mark.requirement("MF-9")
async def test_who_needs_anything_of_a_folder_waits_while_it_is_being_unpinned(
    batching: Uploader, journal: MemoryJournal
) -> None:
    one, other = await two_mints(batching)
    for mint_id in ("m-1", "m-2"):
        journal.forget(mint_id)
    claims, seen = Claims(journal, batching.now), []
    late = said(batching, accepted("late"))
    failed = said(batching, accepted("m-1"))

    async def unpin(cid: str) -> None:
        with pytest.raises(Deferred, match="being unpinned"):
            await claims.claim(late, (other.image.cid,))
        seen.append(cid)

    await claims.release(failed, cids_of(one), unpin)

    assert seen == [*cids_of(one), one.image.folder]
    await claims.claim(late, (other.image.cid,))


@pytest.mark.requirement("MF-9")
async def test_who_claimed_anything_of_a_folder_before_keeps_it(
    batching: Uploader, journal: MemoryJournal, pinata: Pinata
) -> None:
    one, other = await two_mints(batching)
    for mint_id in ("m-1", "m-2"):
        journal.forget(mint_id)
    late = said(batching, accepted("late"))
    await Claims(journal, batching.now).claim(late, (other.image.cid,))

    answer = await unpinned(batching, journal, one)

    assert answer.kept == cids_of(one)
    assert one.image.folder is not None
    assert await pinata.holds(Cid.parse(one.image.folder))

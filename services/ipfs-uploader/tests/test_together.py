"""Contents of several mints go up as one folder, and each stays what it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from ipfs_uploader.assets import Content
from ipfs_uploader.batches import Batches, BatchLimits
from ipfs_uploader.folder import folder_of
from ipfs_uploader.kubo import Kubo
from ipfs_uploader.pinata import Pinata
from ipfs_uploader.pinning import Pinning
from ipfs_uploader.together import BatchedPinning, Together
from mint_content.cid import Cid
from mint_content.unixfs import CHUNK_SIZE, cid_of, verify
from mint_events.catalogue import PinnedAsset
from mint_resilience.failures import Deferred, Outage, Permanent, Transient

if TYPE_CHECKING:
    from conftest import MemoryJournal, Network

LIMITS = BatchLimits(items=4, size=2 * CHUNK_SIZE, seconds=0.01)
FOUR = tuple(f"content {number}".encode() for number in range(4))


def content(data: bytes) -> Content:
    return Content("m.json", "application/json", data, cid_of(data))


@pytest.fixture
async def batched(pinning: Pinning, journal: MemoryJournal) -> AsyncIterator[BatchedPinning]:
    together = Together(pinning=pinning, records=journal)
    async with Batches(together.keep_all, LIMITS) as batches:
        yield BatchedPinning(pinning, batches)


async def all_pinned(batched: BatchedPinning, *data: bytes) -> list[PinnedAsset]:
    return await asyncio.gather(*(batched.pin(content(each)) for each in data))


def calls_to(network: Network, endpoint: str) -> list[str]:
    return [call.removeprefix(f"{endpoint} ") for call in network.calls if endpoint in call]


@pytest.mark.requirement("IP-2", "MF-4")
async def test_contents_that_come_together_cost_one_upload_and_keep_their_own_names(
    batched: BatchedPinning, network: Network, http: httpx.AsyncClient
) -> None:
    assets = await all_pinned(batched, *FOUR)

    assert calls_to(network, "pinata") == ["GET /v3/files/public", "POST /v3/files"]
    [folder] = {asset.folder for asset in assets}
    assert folder == str(folder_of(map(content, FOUR)).cid)
    for data, asset in zip(FOUR, assets, strict=True):
        assert (asset.cid, asset.providers) == (str(cid_of(data)), ("pinata",))
        served = await http.get(f"{network.endpoints.gateways[-1]}/ipfs/{asset.cid}")
        assert verify(served.content, Cid.parse(asset.cid))


async def test_what_comes_alone_goes_up_by_itself(
    batched: BatchedPinning, pinata: Pinata, journal: MemoryJournal
) -> None:
    [asset] = await all_pinned(batched, b"alone")

    assert asset.folder is None
    assert await pinata.holds(cid_of(b"alone"))
    assert await journal.recent() == []


async def test_what_is_too_large_for_a_batch_holds_none_up(
    batched: BatchedPinning, pinata: Pinata
) -> None:
    large = bytes(LIMITS.size + 1)

    assets = await all_pinned(batched, large, *FOUR[:3])

    assert [asset.folder is None for asset in assets] == [True, False, False, False]
    assert await pinata.holds(cid_of(large))


@pytest.mark.requirement("IP-2", "RE-1")
async def test_the_same_contents_again_are_found_by_their_folder_and_not_uploaded(
    batched: BatchedPinning, network: Network
) -> None:
    first = await all_pinned(batched, *FOUR)

    assert await all_pinned(batched, *FOUR) == first
    assert network.uploads("pinata") == 1


@pytest.mark.requirement("IP-2", "RE-1")
async def test_after_a_crash_between_upload_and_event_another_process_uploads_nothing(
    pinning: Pinning, journal: MemoryJournal, network: Network
) -> None:
    contents = [content(data) for data in FOUR]
    before = await Together(pinning=pinning, records=journal).keep_all(contents)

    after = await Together(pinning=pinning, records=journal).keep_all(contents[:3])

    assert after == {each.cid: before[each.cid] for each in contents[:3]}
    assert network.uploads("pinata") == 1


@pytest.mark.requirement("RE-1")
async def test_after_a_crash_before_the_upload_everything_goes_up(
    batched: BatchedPinning, journal: MemoryJournal, pinata: Pinata
) -> None:
    await journal.begin(folder_of(map(content, FOUR)))

    assets = await all_pinned(batched, *FOUR)

    assert [asset.providers for asset in assets] == [("pinata",)] * 4
    for data in FOUR:
        assert await pinata.holds(cid_of(data))


async def test_an_image_that_many_mints_share_goes_up_with_the_first_only(
    batched: BatchedPinning, network: Network
) -> None:
    image, *documents = FOUR
    [shared, *_] = await all_pinned(batched, image, *documents[:1])

    [again, *others] = await all_pinned(batched, image, *documents[1:])

    assert (again, others[0].folder != shared.folder) == (shared, True)
    assert network.uploads("pinata") == 2


@pytest.mark.requirement("IP-3")
async def test_a_lost_reply_is_looked_up_and_not_repeated(
    batched: BatchedPinning, network: Network
) -> None:
    network.fail("pinata", "reply lost")

    assets = await all_pinned(batched, *FOUR)

    assert {asset.providers for asset in assets} == {("pinata",)}
    assert network.uploads("pinata") == 1


@pytest.mark.requirement("IP-3", "MF-4")
@pytest.mark.parametrize("fault", ["broken", "locked"])
async def test_when_the_primary_is_away_the_folder_goes_to_the_backup(
    batched: BatchedPinning, network: Network, kubo: Kubo, fault: str
) -> None:
    network.fail("pinata", fault)

    assets = await all_pinned(batched, *FOUR)

    assert {asset.providers for asset in assets} == {("kubo",)}
    assert await kubo.holds(folder_of(map(content, FOUR)).cid)
    assert network.uploads("kubo") == 0


class ArchiveForgotten:
    """A provider that says the right root of the first upload, and keeps nothing of it."""

    def __init__(self, root: Cid) -> None:
        self._root: Cid | None = root

    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        root = self._root
        if request.method != "POST" or root is None:
            return await handler(request)
        self._root = None
        return web.json_response({"data": {"id": "1", "cid": str(root)}})


async def large_refused(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A provider that takes uploads of at most 20 kB."""
    if request.method == "POST" and (request.content_length or 0) > 20_000:
        return web.Response(status=413, text="too large")
    return await handler(request)


@pytest.mark.requirement("IP-2", "MF-4")
async def test_where_archives_are_refused_each_content_goes_up_by_itself(
    batched: BatchedPinning, network: Network, pinata: Pinata
) -> None:
    network.fail_once("pinata", "/v3/files", "missing")

    assets = await all_pinned(batched, *FOUR)

    assert {(asset.providers, asset.folder) for asset in assets} == {(("pinata",), None)}
    for data in FOUR:
        assert await pinata.holds(cid_of(data))


@pytest.mark.requirement("IP-2", "MF-4")
async def test_another_name_for_the_folder_fails_no_content(
    batched: BatchedPinning, network: Network
) -> None:
    network.fail("pinata", "other name")

    assets = await all_pinned(batched, *FOUR)

    assert {(asset.providers, asset.folder) for asset in assets} == {(("kubo",), None)}


@pytest.mark.requirement("MF-4")
async def test_what_does_not_come_back_from_its_folder_goes_up_by_itself(
    batched: BatchedPinning, network: Network, pinata: Pinata
) -> None:
    network.faults["pinata"] = ArchiveForgotten(folder_of(map(content, FOUR)).cid)

    assets = await all_pinned(batched, *FOUR)

    assert {(asset.providers, asset.folder) for asset in assets} == {(("pinata",), None)}
    for data in FOUR:
        assert await pinata.holds(cid_of(data))


@pytest.mark.requirement("MF-4")
async def test_one_content_that_is_refused_fails_no_other(
    batched: BatchedPinning, network: Network
) -> None:
    network.faults |= {"pinata": large_refused, "kubo": large_refused}
    large, *others = (bytes(30_000), *FOUR[1:])

    outcomes = await asyncio.gather(
        *(batched.pin(content(data)) for data in (large, *others)), return_exceptions=True
    )

    assert isinstance(outcomes[0], Permanent)
    assert all(isinstance(outcome, PinnedAsset) for outcome in outcomes[1:])


@pytest.mark.requirement("NR-3")
async def test_while_no_provider_is_there_each_mint_waits(
    batched: BatchedPinning, network: Network
) -> None:
    network.fail("pinata", "broken")
    network.fail("kubo", "locked")

    outcomes = await asyncio.gather(
        *(batched.pin(content(data)) for data in FOUR), return_exceptions=True
    )

    assert all(isinstance(outcome, Transient | Outage) for outcome in outcomes)


async def wants_patience(_: web.Request, __: Handler) -> web.StreamResponse:
    return web.Response(status=429, headers={"Retry-After": "3600"})


@pytest.mark.requirement("NR-1", "NR-4")
async def test_when_every_provider_wants_patience_each_mint_waits_and_the_batch_does_not(
    batched: BatchedPinning, network: Network
) -> None:
    network.faults |= {"pinata": wants_patience, "kubo": wants_patience}

    async with asyncio.timeout(60):
        outcomes = await asyncio.gather(
            *(batched.pin(content(data)) for data in FOUR), return_exceptions=True
        )

    assert [isinstance(outcome, Deferred) for outcome in outcomes] == [True] * 4


@pytest.mark.requirement("NR-1", "IP-3")
async def test_when_the_primary_wants_patience_the_folder_goes_to_the_backup(
    batched: BatchedPinning, network: Network
) -> None:
    network.faults["pinata"] = wants_patience

    async with asyncio.timeout(60):
        assets = await all_pinned(batched, *FOUR)

    assert {asset.providers for asset in assets} == {("kubo",)}


@pytest.mark.requirement("IP-3")
async def test_a_replica_holds_the_same_folder(
    pinning: Pinning, journal: MemoryJournal, kubo: Kubo
) -> None:
    both = Together(pinning=replace(pinning, replicas=2), records=journal)
    contents = [content(data) for data in FOUR]

    first = await both.keep_all(contents)

    assert await kubo.holds(folder_of(contents).cid)
    assert {kept.holders for kept in first.values() if not isinstance(kept, Exception)} == {
        ("pinata", "kubo")
    }
    assert await both.keep_all(contents) == first

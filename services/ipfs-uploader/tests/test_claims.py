"""Unpinning for one mint takes no content from another, whoever comes first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from ipfs_uploader.assets import Content
from ipfs_uploader.claims import Claims, Journal, KafkaJournal
from ipfs_uploader.folder import folder_of
from ipfs_uploader.folder_records import NEWEST, KafkaFolders
from mint_content.unixfs import cid_of
from mint_events.admin import ensure_topics
from mint_events.bus import Cluster, CompactedTopic, Publisher
from mint_events.catalogue import MintRequested
from mint_events.codec import Codec
from mint_events.envelope import Envelope, root
from mint_events.topics import CLAIMS, FOLDERS, UNPINS
from mint_resilience.failures import AllUnavailable, Permanent, Transient
from mint_sandbox.kafka import KafkaCluster

if TYPE_CHECKING:
    from conftest import MemoryJournal

NOW = datetime(2026, 11, 23, tzinfo=UTC)
IMAGE, DOCUMENT = "image", "document"


def cause(mint_id: str) -> Envelope:
    request = MintRequested(mint_id=mint_id, user_id="u", wallet="w", name="n", symbol="s", level=1)
    return root(request, id=uuid4(), source="test", time=NOW)


def claims_over(journal: Journal) -> Claims:
    return Claims(journal, lambda: NOW)


class Unpinned:
    """Notes what is unpinned, or fails."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.cids: list[str] = []
        self._failure = failure

    async def __call__(self, cid: str) -> None:
        if self._failure:
            raise self._failure
        self.cids.append(cid)


@pytest.mark.requirement("MF-9")
async def test_what_another_mint_has_claimed_is_kept(journal: MemoryJournal) -> None:
    claims, unpinned = claims_over(journal), Unpinned()
    await claims.claim(cause("failed"), (IMAGE, DOCUMENT))
    await claims.claim(cause("going-on"), (IMAGE,))

    kept = await claims.release(cause("failed"), (IMAGE, DOCUMENT), unpinned)

    assert (kept, unpinned.cids) == ((IMAGE,), [DOCUMENT])


@pytest.mark.requirement("MF-9")
async def test_a_mint_that_comes_during_an_unpin_waits_until_it_has_ended(
    journal: MemoryJournal,
) -> None:
    claims, waited = claims_over(journal), []

    async def unpin(_: str) -> None:
        with pytest.raises(AllUnavailable, match="being unpinned"):
            await claims.claim(cause("late"), (IMAGE,))
        waited.append("late")

    assert await claims.release(cause("failed"), (IMAGE,), unpin) == ()
    await claims.claim(cause("late"), (IMAGE,))

    assert waited == ["late"]
    assert await claims.release(cause("failed"), (IMAGE,), Unpinned()) == (IMAGE,)


async def test_an_unpin_of_unknown_effect_holds_others_back_until_it_was_done_again(
    journal: MemoryJournal,
) -> None:
    claims = claims_over(journal)

    with pytest.raises(Transient):
        await claims.release(cause("failed"), (IMAGE,), Unpinned(Transient("no reply")))
    with pytest.raises(AllUnavailable):
        await claims.claim(cause("late"), (IMAGE,))
    # the late one has claimed it meanwhile, so now it stays
    assert await claims.release(cause("failed"), (IMAGE,), Unpinned()) == (IMAGE,)
    await claims.claim(cause("late"), (IMAGE,))


async def test_an_unpin_that_is_refused_finally_holds_nobody_back(journal: MemoryJournal) -> None:
    claims = claims_over(journal)

    with pytest.raises(Permanent):
        await claims.release(cause("failed"), (IMAGE,), Unpinned(Permanent("no")))

    await claims.claim(cause("late"), (IMAGE,))


@pytest.mark.requirement("MF-9")
async def test_two_processes_agree_through_kafka(kafka: KafkaCluster, topic_prefix: str) -> None:
    cluster, codec = Cluster(brokers=(kafka.brokers,), prefix=topic_prefix), Codec()
    await ensure_topics(cluster, [CLAIMS, UNPINS, FOLDERS])
    async with (
        Publisher(cluster, codec) as publisher,
        CompactedTopic(cluster, codec, UNPINS) as seen_by_one,
        CompactedTopic(cluster, codec, UNPINS) as seen_by_other,
    ):
        one = claims_over(KafkaJournal(cluster, codec, publisher, seen_by_one))
        other = claims_over(KafkaJournal(cluster, codec, publisher, seen_by_other))
        unpinned: list[str] = []

        async def unpin(cid: str) -> None:
            with pytest.raises(AllUnavailable):
                await other.claim(cause("late"), (DOCUMENT,))
            unpinned.append(cid)

        await other.claim(cause("going-on"), (IMAGE,))
        kept = await one.release(cause("failed"), (IMAGE, DOCUMENT), unpin)
        await other.claim(cause("late"), (DOCUMENT,))

    assert (kept, unpinned) == ((IMAGE,), [DOCUMENT])


@pytest.mark.requirement("MF-9", "RE-1")
async def test_a_folder_that_one_process_began_is_known_to_another_until_it_is_unpinned(
    kafka: KafkaCluster, topic_prefix: str
) -> None:
    cluster, codec = Cluster(brokers=(kafka.brokers,), prefix=topic_prefix), Codec()
    await ensure_topics(cluster, [CLAIMS, UNPINS, FOLDERS])
    contents = [Content("m", "image/png", data, cid_of(data)) for data in (b"a", b"b")]
    names, folder = [str(each.cid) for each in contents], folder_of(contents)
    async with (
        Publisher(cluster, codec) as publisher,
        CompactedTopic(cluster, codec, UNPINS) as unpins,
        CompactedTopic(cluster, codec, FOLDERS, newest=NEWEST) as seen_by_other,
    ):
        await KafkaFolders(publisher, unpins, lambda: NOW).begin(folder)
        other = KafkaFolders(publisher, seen_by_other, lambda: NOW)
        claims, unpinned = claims_over(KafkaJournal(cluster, codec, publisher, unpins)), Unpinned()
        assert [begun.mint_id for begun in await other.recent()] == [str(folder.cid)]

        await claims.claim(cause("going-on"), names[1:])
        kept = await claims.release(cause("failed"), names[:1], unpinned)
        assert (kept, unpinned.cids) == ((names[0],), [names[0]])

        await claims.release(cause("going-on"), names[1:], unpinned)
        assert unpinned.cids[1:] == [names[1], str(folder.cid)]
        assert await other.recent() == []

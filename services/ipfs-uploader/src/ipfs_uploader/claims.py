"""Who needs which content, so that unpinning for one mint takes nothing from another (MF-9).

Content has one pin at a provider, however many mints need it, and no provider removes a pin on
condition. So the two sides agree beforehand, each by a record of its own and then a look at the
other's (Dekker's algorithm; docs/decisions/unpin-by-claims.md):

    who pins      writes its claim,   then looks for unpins under way   and waits while there is one
    who unpins    writes its unpin,   then looks for claims of others   and leaves what is claimed

A folder's pin is unpinned when no other mint has claimed anything in it; so everything in it is in
the unpin's record, and who needs any of it waits.

Whoever writes second sees the first. Both records are durable before the look, so it holds across
processes, restarts and redelivery.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from mint_events.bus import Cluster, CompactedTopic, Publisher
from mint_events.catalogue import AssetsClaimed, Event, FolderBegun, UnpinBegun
from mint_events.codec import Codec
from mint_events.envelope import Envelope, caused_by
from mint_events.topics import CLAIMS, FOLDERS, UNPINS, Topic
from mint_resilience.failures import AllUnavailable, Permanent, Poison, Transient

SOURCE = "ipfs-uploader"
_LOOK_AGAIN_SECONDS = 1.0


class Journal(Protocol):
    """Records that are durable when a method returns, and reads that miss none of them."""

    async def write(self, envelope: Envelope) -> None:
        """Enter a mint's claim or unpin, in place of the one that it may have."""

    async def end_unpin(self, mint_id: str) -> None:
        """Remove a mint's unpin."""

    async def claims(self) -> Collection[Event]:
        """All claims that were entered before this call."""

    async def unpins(self) -> Collection[Event]:
        """All unpins that were entered before this call and have not ended."""

    async def folders(self) -> Collection[Event]:
        """All folders that were entered before this call and were not unpinned."""

    async def end_folder(self, root: str) -> None:
        """Remove a folder."""


class Claims:
    """The two sides' halves of the agreement."""

    def __init__(self, journal: Journal, now: Callable[[], datetime]) -> None:
        self._journal = journal
        self._now = now

    async def claim(self, cause: Envelope, cids: Sequence[str]) -> None:
        """Claim content for the cause's mint; when this returns, nobody unpins it.

        Raises `AllUnavailable` while it is being unpinned for another mint: the claim stands, and
        is to be made again.
        """
        event = AssetsClaimed(mint_id=cause.mint_id, cids=tuple(cids))
        await self._journal.write(self._caused(cause, event))
        going = _of_others(await self._journal.unpins(), cause.mint_id) & {*cids}
        if going:
            message = (
                f"{', '.join(sorted(going))} is being unpinned for another mint; wait for that"
            )
            raise AllUnavailable(message, retry_after=_LOOK_AGAIN_SECONDS)

    async def release(
        self, cause: Envelope, cids: Sequence[str], unpin: Callable[[str], Awaitable[None]]
    ) -> tuple[str, ...]:
        """Unpin what no other mint has claimed; returns what is kept. Raises what `unpin` does.

        After a failure the unpin may have taken effect or not, so it stays entered until it was
        done again; only a final answer ends it.
        """
        folders = _with_any_of(cids, await self._journal.folders())
        losing = dict.fromkeys((*cids, *_contents(folders)))
        await self._journal.write(
            self._caused(cause, UnpinBegun(mint_id=cause.mint_id, cids=tuple(losing)))
        )
        needed = _of_others(await self._journal.claims(), cause.mint_id)
        freed = [folder for folder in folders if needed.isdisjoint(folder.cids)]
        try:
            for cid in (*cids, *(folder.mint_id for folder in freed)):
                if cid not in needed:
                    await unpin(cid)
        except Permanent:
            await self._journal.end_unpin(cause.mint_id)
            raise
        for folder in freed:
            await self._journal.end_folder(folder.mint_id)
        await self._journal.end_unpin(cause.mint_id)
        kept = needed.union(_contents(folder for folder in folders if folder not in freed))
        return tuple(cid for cid in cids if cid in kept)

    def _caused(self, cause: Envelope, event: Event) -> Envelope:
        return caused_by(cause, event, source=SOURCE, time=self._now())


def _of_others(events: Iterable[Event], mint_id: str) -> frozenset[str]:
    """The CIDs in claims or unpins of other mints."""
    return frozenset(
        cid
        for event in events
        if isinstance(event, AssetsClaimed | UnpinBegun) and event.mint_id != mint_id
        for cid in event.cids
    )


def _with_any_of(cids: Sequence[str], events: Iterable[Event]) -> tuple[FolderBegun, ...]:
    """The folders that have any of the content."""
    wanted = frozenset(cids)
    return tuple(
        event
        for event in events
        if isinstance(event, FolderBegun) and not wanted.isdisjoint(event.cids)
    )


def _contents(folders: Iterable[FolderBegun]) -> frozenset[str]:
    return frozenset(cid for folder in folders for cid in folder.cids)


class KafkaJournal:
    """The journal in compacted topics.

    Unpins are few and are followed all the time; claims are as many as there are mints, and are
    read from the beginning by whoever unpins, which is rare. So are the folders.
    """

    def __init__(
        self, cluster: Cluster, codec: Codec, publisher: Publisher, unpins: CompactedTopic
    ) -> None:
        """`unpins` follows `UNPINS` and is connected."""
        self._cluster = cluster
        self._codec = codec
        self._publisher = publisher
        self._unpins = unpins

    async def write(self, envelope: Envelope) -> None:
        """Publish, and wait for the brokers."""
        await self._publisher.publish(envelope)

    async def end_unpin(self, mint_id: str) -> None:
        """Publish a tombstone, and wait for the brokers."""
        await self._publisher.tombstone(UNPINS, mint_id)

    async def end_folder(self, root: str) -> None:
        """Publish a tombstone, and wait for the brokers."""
        await self._publisher.tombstone(FOLDERS, root)

    async def claims(self) -> Collection[Event]:
        """Read the whole topic."""
        return await self._all(CLAIMS)

    async def folders(self) -> Collection[Event]:
        """Read the whole topic."""
        return await self._all(FOLDERS)

    async def unpins(self) -> Collection[Event]:
        """Read what is new."""
        return await events_in(self._unpins)

    async def _all(self, wanted: Topic) -> Collection[Event]:
        async with CompactedTopic(self._cluster, self._codec, wanted) as topic:
            return await events_in(topic)


async def events_in(topic: CompactedTopic) -> list[Event]:
    """What it holds; what an older release can not read holds its mints back, it fails none."""
    try:
        present = await topic.present()
    except Poison as failure:
        raise Transient(
            f"a record of claims, unpins or folders can not be read: {failure}; upgrade"
        ) from failure
    return [received.envelope.event for received in present.values()]

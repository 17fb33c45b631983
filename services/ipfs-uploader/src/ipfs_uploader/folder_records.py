"""Which folders were uploaded, or are about to be: told to every process, before it happens."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Protocol

from ipfs_uploader.claims import SOURCE, events_in
from ipfs_uploader.folder import Folder
from mint_events.bus import CompactedTopic, Publisher
from mint_events.catalogue import FolderBegun
from mint_events.envelope import root
from mint_events.ids import parsed_id

NEWEST = 250
"""Folders of each partition that a process knows: far more than can be in work at a time."""


class FolderRecords(Protocol):
    """What is known of folders, by every process and after every restart."""

    async def begin(self, folder: Folder) -> None:
        """Enter a folder; it is durable when this returns."""

    async def recent(self) -> Collection[FolderBegun]:
        """The folders that were entered lately, before this call, and were not unpinned."""


class KafkaFolders:
    """Folders as `Together` needs them, in the compacted topic that `Claims` reads as a whole."""

    def __init__(
        self, publisher: Publisher, topic: CompactedTopic, now: Callable[[], datetime]
    ) -> None:
        """`topic` follows `FOLDERS` and is connected; it need not hold more than the newest."""
        self._publisher = publisher
        self._topic = topic
        self._now = now

    async def begin(self, folder: Folder) -> None:
        """Publish, and wait for the brokers."""
        root_cid, cids = str(folder.cid), tuple(str(content.cid) for content in folder.contents)
        event = FolderBegun(mint_id=root_cid, cids=cids)
        event_id = parsed_id(root_cid, SOURCE)
        await self._publisher.publish(root(event, id=event_id, source=SOURCE, time=self._now()))

    async def recent(self) -> Collection[FolderBegun]:
        """Read what is new."""
        events = await events_in(self._topic)
        return [event for event in events if isinstance(event, FolderBegun)]

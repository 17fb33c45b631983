"""Contents of several mints in one upload, by one pin (docs/decisions/folders.md).

What goes up together is entered under its root beforehand. So whoever is given a content again,
also after a crash, asks for that root, and nothing is uploaded a second time. Whatever is wrong
with a folder, each of its contents is then kept by itself: no mint fails for another one's content.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog
from prometheus_client import Counter

from ipfs_uploader.assets import Content
from ipfs_uploader.batches import Batches, Kept, Outcomes
from ipfs_uploader.folder import folder_of
from ipfs_uploader.folder_records import FolderRecords
from ipfs_uploader.pinning import Pinning
from mint_content.cid import Cid
from mint_content.gateway import NotRetrieved
from mint_events.catalogue import FolderBegun, PinnedAsset
from mint_resilience.budget import Budget, spending
from mint_resilience.failpoints import Boundary, reach
from mint_resilience.failures import Conflict, Failure, Permanent
from mint_runtime.logs import told

log = structlog.stdlib.get_logger(__name__)

FOLDERS = Counter(
    "trimint_ipfs_folders_total",
    "Folders that were uploaded for several mints, by what they led to",
    ["outcome"],
)
CONTENTS = Counter(
    "trimint_ipfs_contents_total", "Contents that were put on IPFS, by whose pin", ["pin"]
)

KEPT, REFUSED = "kept", "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Keeps batches of contents; one batch at a time, so that the next finds what this one did.

    So a batch must not wait for long: it has a budget of its own, of so many `attempts` per content
    and so many `seconds`. What it does not allow is left to the mints, who wait durably.
    """

    pinning: Pinning
    records: FolderRecords
    attempts: int = 20
    seconds: float = 120.0

    async def keep_all(self, contents: Sequence[Content]) -> Outcomes:
        """Keep contents; says of each by whom, or why not. Raises when nothing can be entered."""
        attempts = self.attempts * len(contents)
        with spending(Budget(attempts=attempts, seconds=self.seconds, clock=time.monotonic)):
            return await self._keep_all(contents)

    async def _keep_all(self, contents: Sequence[Content]) -> Outcomes:
        kept = await self._by_folders(contents)
        rest = [content for content in contents if content.cid not in kept]
        alone = await asyncio.gather(*map(self._alone, rest))
        CONTENTS.labels("folder").inc(len(kept))
        CONTENTS.labels("own").inc(len(rest))
        return {**kept, **{content.cid: each for content, each in zip(rest, alone, strict=True)}}

    async def _by_folders(self, contents: Sequence[Content]) -> Mapping[Cid, Kept]:
        """What older folders hold, and a new one with what is in none.

        What is in one that nobody holds may have been kept by itself since: that is asked for.
        """
        known = _roots_by_content(await self.records.recent(), contents)
        found = await self._found(known)
        new = await self._as_folder([content for content in contents if content.cid not in known])
        return {**found, **new}

    async def _found(self, known: Mapping[Cid, Sequence[Cid]]) -> Mapping[Cid, Kept]:
        roots = tuple({root for of_one in known.values() for root in of_one})
        answers = await asyncio.gather(*map(self.pinning.holders, roots))
        held = {root: who for root, who in zip(roots, answers, strict=True) if who}
        return {
            cid: Kept(held[root], root)
            for cid, of_one in known.items()
            for root in of_one
            if root in held
        }

    async def _as_folder(self, contents: Sequence[Content]) -> Mapping[Cid, Kept]:
        if len(contents) < 2:
            return {}
        folder = folder_of(contents)
        await self.records.begin(folder)
        try:
            holders = await self.pinning.keep(folder, unless=(Permanent, Conflict))
        except Failure as failure:
            log.warning("folder not kept", folder=str(folder.cid), **told(failure))
            FOLDERS.labels(REFUSED).inc()
            return {}
        FOLDERS.labels(KEPT).inc()
        return {content.cid: Kept(holders, folder.cid) for content in contents}

    async def _alone(self, content: Content) -> Kept | Failure:
        try:
            return Kept(await self.pinning.keep(content))
        except Failure as failure:
            return failure


def _roots_by_content(
    folders: Iterable[FolderBegun], contents: Iterable[Content]
) -> Mapping[Cid, Sequence[Cid]]:
    """The folders that have a content, for each that is in any."""
    wanted = {str(content.cid): content.cid for content in contents}
    roots: dict[Cid, list[Cid]] = {}
    for folder in folders:
        for text in wanted.keys() & {*folder.cids}:
            roots.setdefault(wanted[text], []).append(Cid.parse(folder.mint_id))
    return roots


@dataclass(frozen=True, slots=True)
class BatchedPinning:
    """Pins as `Pinning` does, but what comes at about the same time by one upload."""

    pinning: Pinning
    batches: Batches

    async def pin(self, content: Content) -> PinnedAsset:
        """Put content on IPFS with what else comes, and see it come back by its own name.

        What does not come back though its folder is said to be kept is kept by itself. What is too
        large for a batch always is. Raises as `Pinning.pin`.
        """
        if len(content.data) > self.batches.limits.size:
            return await self.pinning.pin(content)
        reach(Boundary.PINNING_BEGUN)
        kept = await self.batches.keep(content)
        reach(Boundary.PINNING_KEPT)
        try:
            await self.pinning.retrieve(content.cid)
        except NotRetrieved as failure:
            if kept.folder is None:
                raise
            log.warning("not served from its folder", cid=str(content.cid), **told(failure))
            return await self.pinning.pin(content)
        reach(Boundary.PINNING_READ_BACK)
        return content.pinned_by(kept.holders, kept.folder)

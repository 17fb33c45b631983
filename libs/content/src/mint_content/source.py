"""Content by its name, from the nearest place that has it (IP-4, IP-5).

For who needs the bytes, wherever they come from: who needs evidence that others can get them asks
the gateways themselves (`mint_content.gateway`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mint_content.cache import ContentCache
from mint_content.cid import Cid
from mint_content.gateway import GatewayPool, NotRetrieved
from mint_content.unixfs import verify
from mint_resilience.failures import AllUnavailable, Failure


class LocalCopies(Protocol):
    """Copies of our own metadata documents, for the day on which no gateway serves."""

    async def document(self, cid: Cid) -> bytes | None:
        """The document that was recorded under this CID, if any; raises classified failures."""


@dataclass(frozen=True, slots=True)
class ContentSource:
    """The cache, then the gateways in their order, and at last the local copies."""

    gateways: GatewayPool
    cache: ContentCache
    local: LocalCopies | None = None

    async def fetch(self, cid: Cid) -> bytes:
        """The content, verified.

        Raises what the gateways do when nobody else has it; a local copy that was not to be had, or
        is not what it should be, is told in the failure's notes.
        """
        if (kept := await self.cache.get(cid)) is not None:
            return kept
        try:
            data = (await self.gateways.fetch(cid)).data
        except (NotRetrieved, AllUnavailable) as failure:
            return await self._last_resort(cid, failure)
        await self.cache.put(cid, data)
        return data

    async def _last_resort(self, cid: Cid, failure: Failure) -> bytes:
        if self.local is None:
            raise failure
        try:
            copy = await self.local.document(cid)
        except Failure as unreadable:
            failure.add_note(f"local copy: {unreadable}")
            raise failure from unreadable
        if copy is None:
            raise failure
        if not verify(copy, cid):
            failure.add_note(f"the local copy of {cid} has other bytes; restore it from a backup")
            raise failure
        return copy

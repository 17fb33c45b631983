"""A mint's image, from wherever upstream has it: inline, on IPFS, or on the web."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ipfs_uploader.assets import Content, image_content
from ipfs_uploader.pinning import Pinning
from mint_content.cid import Cid
from mint_content.web import WebFetcher
from mint_events.catalogue import MintRequested
from mint_resilience.failures import Deferred, Failure, Permanent


class ImageLater(Deferred):
    """The image is not to be had from the web now; it is asked for again later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """Where images come from, and which are accepted.

    `size_limit` is in bytes; `patience` in seconds since the request was accepted.
    """

    pinning: Pinning
    web: WebFetcher
    types: Sequence[str]
    size_limit: int
    patience: float

    async def of(self, request: MintRequested, *, since: datetime, now: datetime) -> Content:
        """The image under our own CID of its bytes, whatever name it had.

        Raises `Permanent` when it can not be used, `ImageLater` when it may be there later, else
        the failure of IPFS.
        """
        if request.image is not None:
            data = request.image
        elif request.image_uri is None:
            raise Permanent("the request has neither image nor image_uri")
        elif request.image_uri.startswith(("https://", "http://")):
            data = await self._from_web(request.image_uri, patient=self._patient(since, now))
        else:
            data = await self.pinning.fetch(Cid.from_uri(request.image_uri))
        return image_content(request.mint_id, data, self.size_limit, self.types)

    def _patient(self, since: datetime, now: datetime) -> bool:
        return now - since < timedelta(seconds=self.patience)

    async def _from_web(self, url: str, *, patient: bool) -> bytes:
        try:
            return await self.web.fetch(url)
        except Permanent:
            raise
        except Failure as failure:
            if patient:
                raise ImageLater(str(failure), endpoint=url) from failure
            raise Permanent(f"{failure}; given up after {self.patience:g} s") from failure

"""A mint's image and animation, from wherever upstream has them: inline, on IPFS, or on the web."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ipfs_uploader.assets import Content, animation_content, image_content
from ipfs_uploader.pinning import Pinning
from mint_content.accepted import AcceptedMedia
from mint_content.cid import Cid
from mint_content.web import WebFetcher
from mint_events.catalogue import MintRequested
from mint_resilience.failures import Deferred, Failure, Permanent


class MediaLater(Deferred):
    """Something is not to be had from the web now; it is asked for again later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamMedia:
    """Where images and animations come from, and which are accepted.

    `patience` is in seconds since the request was accepted.
    """

    pinning: Pinning
    web: WebFetcher
    accepted: AcceptedMedia
    patience: float

    async def image(self, request: MintRequested, *, age: timedelta) -> Content:
        """The image under our own CID of its bytes, whatever name it had.

        `age` is the time since the request was accepted. Raises `Permanent` when it can not be
        used, `MediaLater` when it may be there later, else the failure of IPFS.
        """
        if request.image is None and request.image_uri is None:
            raise Permanent("the request has neither image nor image_uri")
        most = self.accepted.image_max_bytes
        data = await self._bytes(request.image, request.image_uri, age, most)
        return image_content(request.mint_id, data, self.accepted)

    async def animation(self, request: MintRequested, *, age: timedelta) -> Content | None:
        """The animation, if the mint has one; as `image` otherwise."""
        if request.animation is None and request.animation_uri is None:
            return None
        most = self.accepted.animation_max_bytes
        data = await self._bytes(request.animation, request.animation_uri, age, most)
        return animation_content(request.mint_id, data, self.accepted)

    async def _bytes(self, data: bytes | None, uri: str | None, age: timedelta, most: int) -> bytes:
        if data is not None:
            return data
        uri = uri or ""
        if uri.startswith(("https://", "http://")):
            return await self._from_web(uri, age, most)
        return await self.pinning.fetch(Cid.from_uri(uri))

    async def _from_web(self, url: str, age: timedelta, most: int) -> bytes:
        try:
            return await self.web.up_to(most).fetch(url)
        except Permanent:
            raise
        except Failure as failure:
            if age < timedelta(seconds=self.patience):
                raise MediaLater(str(failure), endpoint=url) from failure
            raise Permanent(f"{failure}; given up after {self.patience:g} s") from failure

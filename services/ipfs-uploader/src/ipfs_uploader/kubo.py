"""A Kubo node, or any service with its RPC: the backup provider.

Source: docs.ipfs.tech/reference/kubo/rpc. Everything is a POST; "not pinned" is HTTP 500 with a
message.
"""

from __future__ import annotations

import httpx
from pydantic import BaseModel

from ipfs_uploader.assets import Content
from ipfs_uploader.provider import accept, read_answer, require_same_name
from mint_content.cid import Cid
from mint_content.unixfs import CHUNK_SIZE
from mint_resilience.http import http_failures

_ADD = f"add?cid-version=1&raw-leaves=true&chunker=size-{CHUNK_SIZE}&pin=true"
_NOT_PINNED = "not pinned"


class _Added(BaseModel):
    Hash: str


class Kubo:
    """One node. The HTTP client is the caller's, who also closes it."""

    name = "kubo"

    def __init__(self, client: httpx.AsyncClient, *, rpc_url: str) -> None:
        self._client = client
        self._rpc = rpc_url.rstrip("/")

    async def holds(self, cid: Cid) -> bool:
        """Whether the node has pinned this very root."""
        return self._pinned(await self._post(f"pin/ls?type=recursive&arg={cid}"))

    async def upload(self, content: Content) -> None:
        """Add and pin a file."""
        file = (str(content.cid), content.data, content.media_type)
        response = await self._post(_ADD, files={"file": file})
        added = read_answer(_Added, response, self._rpc)
        require_same_name(added.Hash, content, self._rpc)

    async def unpin(self, cid: Cid) -> None:
        """Remove the pin; the node drops the blocks when it next collects."""
        self._pinned(await self._post(f"pin/rm?arg={cid}"))

    async def check(self) -> None:
        """Ask for the node's version."""
        accept(await self._post("version"), self._rpc)

    def _pinned(self, response: httpx.Response) -> bool:
        """Read an answer about a pin; False for the one error that says there is none."""
        failed = response.status_code == httpx.codes.INTERNAL_SERVER_ERROR
        if failed and _NOT_PINNED in response.text:
            return False
        accept(response, self._rpc)
        return True

    async def _post(
        self, call: str, files: dict[str, tuple[str, bytes, str]] | None = None
    ) -> httpx.Response:
        with http_failures(self._rpc):
            return await self._client.post(f"{self._rpc}/api/v0/{call}", files=files)

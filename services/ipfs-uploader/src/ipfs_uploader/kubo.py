"""A Kubo node, or any service with its RPC.

Source: docs.ipfs.tech/reference/kubo/rpc. Everything is a POST; "not pinned" is HTTP 500 with a
message.
"""

from __future__ import annotations

import httpx
from pydantic import BaseModel, Field

from ipfs_uploader.assets import Content
from ipfs_uploader.folder import Folder
from ipfs_uploader.provider import Uploads, Usage, accept, read_answer
from mint_content.car import MEDIA_TYPE
from mint_content.cid import Cid
from mint_content.unixfs import CHUNK_SIZE
from mint_resilience.failures import Transient
from mint_resilience.hosts import host_of
from mint_resilience.http import http_failures

_ADD = f"add?cid-version=1&raw-leaves=true&chunker=size-{CHUNK_SIZE}&pin=true"
_IMPORT = "dag/import?pin-roots=true&stats=false"
_NOT_PINNED = "not pinned"


class _Added(BaseModel):
    Hash: str


class _Link(BaseModel):
    path: str = Field(alias="/")


class _Root(BaseModel):
    Cid: _Link
    PinErrorMsg: str = ""


class _Imported(BaseModel):
    Root: _Root


class _Stored(BaseModel):
    RepoSize: int
    StorageMax: int


class Kubo:
    """One node. The HTTP client is the caller's, who also closes it."""

    takes_bytes = True

    def __init__(self, client: httpx.AsyncClient, *, rpc_url: str, name: str = "kubo") -> None:
        self.name = name
        self._client = client
        self._rpc = rpc_url.rstrip("/")
        self._host = host_of(rpc_url)
        self._uploads = Uploads(self._host)

    async def holds(self, cid: Cid) -> bool:
        """Whether the node has pinned this very root."""
        return self._pinned(await self._post(f"pin/ls?type=recursive&arg={cid}"))

    async def keep(self, content: Content | Folder) -> None:
        """Add and pin a file, or import and pin a folder."""
        await self._uploads.send(content, as_file=self._add, as_archive=self._import)

    async def adopt(self, cid: Cid, name: str) -> None:
        """Pin what the node finds; it answers when it has all of it."""
        accept(await self._post(f"pin/add?arg={cid}&name={name}"), self._host)

    async def unpin(self, cid: Cid) -> None:
        """Remove the pin; the node drops the blocks when it next collects."""
        self._pinned(await self._post(f"pin/rm?arg={cid}"))

    async def check(self) -> Usage:
        """Ask how full the node's store is."""
        stored = read_answer(_Stored, await self._post("repo/stat?size-only=true"), self._host)
        return Usage(stored.RepoSize, stored.StorageMax)

    async def _add(self, content: Content) -> str:
        file = (str(content.cid), content.data, content.media_type)
        return read_answer(_Added, await self._post(_ADD, file), self._host).Hash

    async def _import(self, content: Content | Folder) -> str:
        archive = (str(content.cid), content.archive(), MEDIA_TYPE)
        root = read_answer(_Imported, await self._post(_IMPORT, archive), self._host).Root
        if root.PinErrorMsg:
            message = f"{self._host}: imported {content.cid}, not pinned: {root.PinErrorMsg}"
            raise Transient(message, endpoint=self._host)
        return root.Cid.path

    def _pinned(self, response: httpx.Response) -> bool:
        """Read an answer about a pin; False for the one error that says there is none."""
        failed = response.status_code == httpx.codes.INTERNAL_SERVER_ERROR
        if failed and _NOT_PINNED in response.text:
            return False
        accept(response, self._host)
        return True

    async def _post(self, call: str, file: tuple[str, bytes, str] | None = None) -> httpx.Response:
        files = None if file is None else {"file": file}
        with http_failures(self._host):
            return await self._client.post(f"{self._rpc}/api/v0/{call}", files=files)

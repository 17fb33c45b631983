"""Any provider with the vendor-neutral Pinning Service API 1.0.0.

Source: ipfs.github.io/pinning-services-api-spec. It is told CIDs and never given bytes, so it is a
further holder of content that another provider has already; pinning takes its time, and until it is
done `keep` says so with a `Transient` failure.
"""

from __future__ import annotations

from typing import Any

import httpx
from pydantic import BaseModel

from ipfs_uploader.assets import Content
from ipfs_uploader.folder import Folder
from ipfs_uploader.provider import Usage, accept, read_answer
from mint_content.cid import Cid
from mint_resilience.failures import Permanent, Transient
from mint_resilience.hosts import host_of
from mint_resilience.http import http_failures

_ANY_STATUS = "queued,pinning,pinned,failed"


class _Pin(BaseModel):
    cid: str


class _PinStatus(BaseModel):
    requestid: str
    status: str
    pin: _Pin


class _PinResults(BaseModel):
    results: list[_PinStatus]


class PinningService:
    """One account. The HTTP client is the caller's, who also closes it."""

    takes_bytes = False

    def __init__(
        self, client: httpx.AsyncClient, *, url: str, token: str, name: str = "psa"
    ) -> None:
        self.name = name
        self._client = client
        self._url = url.rstrip("/")
        self._host = host_of(url)
        self._headers = {"Authorization": f"Bearer {token}"}

    async def holds(self, cid: Cid) -> bool:
        """Whether the service has pinned this content."""
        return bool(await self._requests(cid, "pinned"))

    async def keep(self, content: Content | Folder) -> None:
        """Ask for a pin; raises `Transient` until the service has found all of the content."""
        await self.adopt(content.cid, content.name)
        if not await self.holds(content.cid):
            message = f"{self._host}: is still looking for {content.cid}"
            raise Transient(message, endpoint=self._host)

    async def adopt(self, cid: Cid, name: str) -> None:
        """Ask for a pin, unless one is there or under way."""
        requests = await self._requests(cid, _ANY_STATUS)
        failed = [request for request in requests if request.status == "failed"]
        if len(failed) < len(requests):
            return
        for request in failed:
            await self._delete(request)
        if failed:
            raise Permanent(f"{self._host}: could not pin {cid}", endpoint=self._host)
        accept(
            await self._request("POST", "/pins", json={"cid": str(cid), "name": name}), self._host
        )

    async def unpin(self, cid: Cid) -> None:
        """Remove every request for this content."""
        for request in await self._requests(cid, _ANY_STATUS):
            await self._delete(request)

    async def check(self) -> Usage:
        """Ask for a page of requests: it needs the token. How full the account is, is not told."""
        response = await self._request("GET", "/pins?limit=1")
        read_answer(_PinResults, response, self._host)
        return Usage()

    async def _requests(self, cid: Cid, status: str) -> list[_PinStatus]:
        response = await self._request("GET", f"/pins?cid={cid}&status={status}&limit=1000")
        results = read_answer(_PinResults, response, self._host).results
        return [result for result in results if result.pin.cid == str(cid)]

    async def _delete(self, request: _PinStatus) -> None:
        response = await self._request("DELETE", f"/pins/{request.requestid}")
        if response.status_code != httpx.codes.NOT_FOUND:
            accept(response, self._host)

    async def _request(self, method: str, path: str, **content: Any) -> httpx.Response:
        with http_failures(self._host):
            return await self._client.request(
                method, self._url + path, headers=self._headers, **content
            )

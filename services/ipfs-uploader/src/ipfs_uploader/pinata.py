"""Pinata, the primary provider: its v3 Files API.

Source: docs.pinata.cloud/api-reference. Uploads are private unless they say `network=public`;
files are deleted by id, so the id is looked up by CID first.
"""

from __future__ import annotations

import httpx
from pydantic import BaseModel

from ipfs_uploader.assets import Content
from ipfs_uploader.provider import accept, read_answer, require_same_name
from mint_content.cid import Cid
from mint_resilience.http import http_failures

_FILES = "/v3/files/public"


class _File(BaseModel):
    id: str
    cid: str


class _Uploaded(BaseModel):
    data: _File


class _Page(BaseModel):
    files: list[_File] | None = None


class _Listed(BaseModel):
    data: _Page


class Pinata:
    """One Pinata account. The HTTP client is the caller's, who also closes it."""

    name = "pinata"

    def __init__(
        self, client: httpx.AsyncClient, *, api_url: str, upload_url: str, jwt: str
    ) -> None:
        self._client = client
        self._api = api_url.rstrip("/")
        self._uploads = upload_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {jwt}"}

    async def holds(self, cid: Cid) -> bool:
        """Whether the account has a public file of this content."""
        return bool(await self._ids(cid))

    async def upload(self, content: Content) -> None:
        """Upload a public file; the same bytes again only find the first."""
        form = {"network": "public", "name": content.name}
        file = (str(content.cid), content.data, content.media_type)
        with http_failures(self._uploads):
            response = await self._client.post(
                f"{self._uploads}/v3/files",
                headers=self._headers,
                data=form,
                files={"file": file},
            )
        uploaded = read_answer(_Uploaded, response, self._uploads)
        require_same_name(uploaded.data.cid, content, self._uploads)

    async def unpin(self, cid: Cid) -> None:
        """Delete the account's files of this content."""
        for file_id in await self._ids(cid):
            await self._delete(file_id)

    async def check(self) -> None:
        """Ask whether the token is good."""
        accept(await self._request("GET", "/data/testAuthentication"), self._api)

    async def _ids(self, cid: Cid) -> list[str]:
        response = await self._request("GET", f"{_FILES}?cid={cid}")
        page = read_answer(_Listed, response, self._api).data
        return [file.id for file in page.files or () if file.cid == str(cid)]

    async def _delete(self, file_id: str) -> None:
        response = await self._request("DELETE", f"{_FILES}/{file_id}")
        if response.status_code != httpx.codes.NOT_FOUND:
            accept(response, self._api)

    async def _request(self, method: str, path: str) -> httpx.Response:
        with http_failures(self._api):
            return await self._client.request(method, self._api + path, headers=self._headers)

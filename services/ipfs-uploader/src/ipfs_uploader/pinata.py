"""Pinata by its v3 Files API.

Source: docs.pinata.cloud/api-reference. Uploads are private unless they say `network=public`;
files are deleted by id, so the id is looked up by CID first. What a plan holds can not be asked
for: the limit is a setting, the usage comes from `/data/userPinnedDataTotal`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import BaseModel

from ipfs_uploader.assets import Content
from ipfs_uploader.folder import Folder
from ipfs_uploader.provider import Uploads, Usage, accept, read_answer
from ipfs_uploader.rate_headers import RateHeaders
from mint_content.car import MEDIA_TYPE
from mint_content.cid import Cid
from mint_resilience.failures import Permanent
from mint_resilience.hosts import host_of
from mint_resilience.http import http_failures

FILES = "/v3/files/public"
SEARCHES = f"{FILES}/pin_by_cid"
GIVEN_UP = frozenset(
    {"expired", "over_free_limit", "over_max_size", "invalid_object", "bad_host_node"}
)
"""States in which Pinata looks for content no longer; the others are steps on the way."""


class _File(BaseModel):
    id: str
    cid: str


class _Uploaded(BaseModel):
    data: _File


class _Page(BaseModel):
    files: list[_File] | None = None


class _Listed(BaseModel):
    data: _Page


class _Search(BaseModel):
    id: str
    cid: str
    status: str


class _Searches(BaseModel):
    jobs: list[_Search] | None = None


class _SearchesListed(BaseModel):
    data: _Searches


class _Total(BaseModel):
    pin_size_total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PinataAccount:
    """How an account is reached; the HTTP client is the caller's, who also closes it.

    `storage_limit` is what its plan holds, in bytes (None: not watched); `now` gives Unix seconds.
    """

    client: httpx.AsyncClient
    api_url: str
    upload_url: str
    jwt: str = field(repr=False)
    now: Callable[[], float]
    storage_limit: int | None = None


class PinataApi:
    """Requests to one account, within its rate limit."""

    def __init__(self, account: PinataAccount) -> None:
        self.account = account
        self.url = account.api_url.rstrip("/")
        self.upload_url = account.upload_url.rstrip("/")
        self.host = host_of(account.api_url)
        self.upload_host = host_of(account.upload_url)
        self._headers = {"Authorization": f"Bearer {account.jwt}"}
        self._rate = RateHeaders(self.host, account.now)

    async def request(self, method: str, url: str, **content: Any) -> httpx.Response:
        """Make one request; raises `RateLimited` without asking while the limit is used up."""
        self._rate.require_room()
        with http_failures(host_of(url)):
            response = await self.account.client.request(
                method, url, headers=self._headers, **content
            )
        self._rate.heed(response)
        return response

    async def check(self) -> Usage:
        """Ask whether the token is good, and how much is stored."""
        accept(await self.request("GET", f"{self.url}/data/testAuthentication"), self.host)
        response = await self.request("GET", f"{self.url}/data/userPinnedDataTotal")
        total = read_answer(_Total, response, self.host)
        return Usage(total.pin_size_total, self.account.storage_limit)


class Pinata:
    """One Pinata account."""

    takes_bytes = True

    def __init__(self, account: PinataAccount, name: str = "pinata") -> None:
        self.name = name
        self._api = PinataApi(account)
        self._uploads = Uploads(self._api.upload_host)

    async def holds(self, cid: Cid) -> bool:
        """Whether the account has a public file of this content."""
        return bool(await self._ids(cid))

    async def keep(self, content: Content | Folder) -> None:
        """Upload a public file or folder; the same bytes again only find the first."""
        await self._uploads.send(
            content,
            as_file=lambda content: self._upload(content, content.data, content.media_type),
            as_archive=lambda content: self._upload(
                content, content.archive(), MEDIA_TYPE, car="true"
            ),
        )

    async def adopt(self, cid: Cid, name: str) -> None:
        """Begin a search by CID, unless one is under way."""
        for search in await self._searches(cid):
            if search.status not in GIVEN_UP:
                return
            await self._delete(f"{SEARCHES}/{search.id}")
            message = f"{self._api.host}: gave up its search for {cid}: {search.status}"
            raise Permanent(message, endpoint=self._api.host)
        body = {"cid": str(cid), "name": name}
        response = await self._api.request("POST", self._api.url + SEARCHES, json=body)
        accept(response, self._api.host)

    async def unpin(self, cid: Cid) -> None:
        """Delete the account's files of this content, and end a search for it."""
        for search in await self._searches(cid):
            await self._delete(f"{SEARCHES}/{search.id}")
        for file_id in await self._ids(cid):
            await self._delete(f"{FILES}/{file_id}")

    async def check(self) -> Usage:
        """Ask whether the token is good, and how much is stored."""
        return await self._api.check()

    async def _upload(
        self, content: Content | Folder, data: bytes, media_type: str, **form: str
    ) -> str:
        url = f"{self._api.upload_url}/v3/files"
        file = (str(content.cid), data, media_type)
        form |= {"network": "public", "name": content.name}
        response = await self._api.request("POST", url, data=form, files={"file": file})
        return read_answer(_Uploaded, response, self._api.upload_host).data.cid

    async def _ids(self, cid: Cid) -> list[str]:
        response = await self._api.request("GET", f"{self._api.url}{FILES}?cid={cid}")
        page = read_answer(_Listed, response, self._api.host).data
        return [file.id for file in page.files or () if file.cid == str(cid)]

    async def _searches(self, cid: Cid) -> list[_Search]:
        response = await self._api.request("GET", f"{self._api.url}{SEARCHES}?cid={cid}")
        listed = read_answer(_SearchesListed, response, self._api.host).data
        return [search for search in listed.jobs or () if search.cid == str(cid)]

    async def _delete(self, path: str) -> None:
        response = await self._api.request("DELETE", self._api.url + path)
        if response.status_code != httpx.codes.NOT_FOUND:
            accept(response, self._api.host)

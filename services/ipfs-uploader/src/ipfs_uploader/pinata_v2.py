"""Pinata by its older pinning API, for accounts whose keys are of that time.

Source: docs.pinata.cloud (legacy endpoints) and the npm package `@pinata/sdk`. It takes no
archives: content that it cuts otherwise than we do is refused with `Conflict`.
"""

from __future__ import annotations

import json

import httpx
from pydantic import BaseModel

from ipfs_uploader.assets import Content
from ipfs_uploader.folder import Folder
from ipfs_uploader.pinata import GIVEN_UP, PinataAccount, PinataApi
from ipfs_uploader.provider import Usage, accept, read_answer, require_same_name
from mint_content.cid import Cid
from mint_resilience.failures import Permanent

_NOT_PINNED = "CURRENT_USER_HAS_NOT_PINNED_CID"


class _Pinned(BaseModel):
    IpfsHash: str


class _Row(BaseModel):
    ipfs_pin_hash: str
    status: str = ""


class _Rows(BaseModel):
    rows: list[_Row]


class PinataV2:
    """One account of the older kind."""

    takes_bytes = True

    def __init__(self, account: PinataAccount, name: str = "pinata-v2") -> None:
        self.name = name
        self._api = PinataApi(account)

    async def holds(self, cid: Cid) -> bool:
        """Whether the account pins this content."""
        return bool(await self._rows(f"/data/pinList?status=pinned&hashContains={cid}", cid))

    async def keep(self, content: Content | Folder) -> None:
        """Upload a file; the same bytes again only find the first. Folders it can not take."""
        if isinstance(content, Folder):
            message = f"{self._api.host}: takes no folders; upload their files one by one"
            raise Permanent(message, endpoint=self._api.host)
        form = {
            "pinataOptions": json.dumps({"cidVersion": 1}),
            "pinataMetadata": json.dumps({"name": content.name}),
        }
        response = await self._api.request(
            "POST",
            f"{self._api.url}/pinning/pinFileToIPFS",
            data=form,
            files={"file": (str(content.cid), content.data, content.media_type)},
        )
        require_same_name(
            read_answer(_Pinned, response, self._api.host).IpfsHash, content, self._api.host
        )

    async def adopt(self, cid: Cid, name: str) -> None:
        """Begin a search by CID, unless one is under way."""
        jobs = await self._rows(f"/pinning/pinJobs?ipfs_pin_hash={cid}", cid)
        states = {job.status for job in jobs}
        if states - GIVEN_UP:
            return
        body = {"hashToPin": str(cid), "pinataMetadata": {"name": name}}
        accept(
            await self._api.request("POST", f"{self._api.url}/pinning/pinByHash", json=body),
            self._api.host,
        )
        if states:
            told = ", ".join(sorted(states))
            message = f"{self._api.host}: gave up its search for {cid}: {told}"
            raise Permanent(message, endpoint=self._api.host)

    async def unpin(self, cid: Cid) -> None:
        """Remove the pin."""
        response = await self._api.request("DELETE", f"{self._api.url}/pinning/unpin/{cid}")
        unknown = response.status_code in (httpx.codes.BAD_REQUEST, httpx.codes.NOT_FOUND)
        if not (unknown and _NOT_PINNED in response.text):
            accept(response, self._api.host)

    async def check(self) -> Usage:
        """Ask whether the token is good, and how much is stored."""
        return await self._api.check()

    async def _rows(self, path: str, cid: Cid) -> list[_Row]:
        response = await self._api.request("GET", self._api.url + path)
        rows = read_answer(_Rows, response, self._api.host).rows
        return [row for row in rows if row.ipfs_pin_hash == str(cid)]

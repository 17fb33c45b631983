"""Pinata's older pinning API over the same account: by CID where the newer one has file ids.

Source of paths and shapes: docs.pinata.cloud (the "legacy" endpoints) and the npm package
`@pinata/sdk`, whose calls they serve. `/data/userPinnedDataTotal` serves accounts of both kinds.
"""

from __future__ import annotations

import json
from typing import Any

from aiohttp import BodyPartReader, web

from mint_content.unixfs import Layout
from mint_resilience.failures import Permanent
from mint_sandbox.ipfs.pinata_account import Account
from mint_sandbox.ipfs.pinata_files import FileRecord
from mint_sandbox.ipfs.uploads import Upload, receive

_NETWORK = "public"
_LARGEST_PAGE = 1000


def routes(account: Account) -> list[web.RouteDef]:
    """What the older API adds to the newer one."""
    api = _Api(account)
    return [
        web.post("/pinning/pinFileToIPFS", api.pin_file),
        web.post("/pinning/pinByHash", api.pin_by_hash),
        web.get("/pinning/pinJobs", api.pin_jobs),
        web.delete("/pinning/unpin/{cid}", api.unpin_v2),
        web.get("/data/pinList", api.pin_list),
        web.get("/data/userPinnedDataTotal", api.data_total),
    ]


class _Api:
    def __init__(self, account: Account) -> None:
        self._account = account

    async def pin_file(self, request: web.Request) -> web.Response:
        upload, name = await self._read(request)
        form = {"network": _NETWORK, "name": name or upload.name}
        record, known = self._account.pin(upload, form)
        pinned: dict[str, Any] = {"IpfsHash": record.cid, "PinSize": record.size}
        pinned |= {"Timestamp": record.created_at, "isDuplicate": known}
        return web.json_response(pinned)

    async def pin_by_hash(self, request: web.Request) -> web.Response:
        body = await request.json()
        metadata = body.get("pinataMetadata") or {}
        job = self._account.queue({"cid": body["hashToPin"], "name": metadata.get("name")})
        shown = {"id": job.id, "ipfsHash": job.cid, "status": job.status, "name": job.name}
        return web.json_response(shown)

    async def pin_jobs(self, request: web.Request) -> web.Response:
        self._account.work_off()
        wanted = request.query.get("ipfs_pin_hash")
        jobs = [job for job in self._account.files.jobs() if wanted in (None, job.cid)]
        rows = [{"id": job.id, "ipfs_pin_hash": job.cid, "status": job.status} for job in jobs]
        return web.json_response({"count": len(rows), "rows": rows})

    async def unpin_v2(self, request: web.Request) -> web.Response:
        record = self._account.files.by_cid(_NETWORK, request.match_info["cid"])
        if record is None:
            raise Permanent("CURRENT_USER_HAS_NOT_PINNED_CID")
        self._account.unpin(record)
        return web.Response(text="OK")

    async def pin_list(self, request: web.Request) -> web.Response:
        self._account.work_off()
        page = self._account.files.page(
            _NETWORK,
            cid=request.query.get("hashContains"),
            name=None,
            token="",
            limit=_LARGEST_PAGE,
        )
        rows = [_row(record) for record in page.files]
        return web.json_response({"count": len(rows), "rows": rows})

    async def data_total(self, _: web.Request) -> web.Response:
        files, size = self._account.files.totals()
        total: dict[str, Any] = {"pin_count": files, "pin_size_total": size}
        return web.json_response({**total, "pin_size_with_replications_total": size})

    async def _read(self, request: web.Request) -> tuple[Upload, str | None]:
        """The file under the name that its options give it; version 0 unless they say otherwise.

        The options may come after the file, so the file is named by both versions.
        """
        upload: Upload | None = None
        form: dict[str, Any] = {}
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                raise Permanent("nested multipart bodies are not accepted")
            if part.name == "file":
                upload = await receive(part, chunk_size=self._account.chunk_size)
            else:
                form[str(part.name)] = json.loads(await part.text())
        if upload is None:
            raise Permanent("the form has no part named 'file'")
        if form.get("pinataOptions", {}).get("cidVersion", 0) != 1:
            upload = upload.cut_by(Layout.V0_WRAPPED_LEAVES)
        return upload, form.get("pinataMetadata", {}).get("name")


def _row(record: FileRecord) -> dict[str, Any]:
    row = {"id": record.id, "ipfs_pin_hash": record.cid, "size": record.size}
    return {**row, "date_pinned": record.created_at, "date_unpinned": None}

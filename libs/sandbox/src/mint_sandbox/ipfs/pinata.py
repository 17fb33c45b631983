"""Pinata's v3 Files API over a block store, and beside it the older pinning API.

Source of paths and shapes: docs.pinata.cloud/api-reference. Error bodies are not documented there;
ours carry a sentence under `error`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from aiohttp import BodyPartReader, web
from aiohttp.typedefs import Handler, Middleware

from mint_resilience.failures import Permanent
from mint_sandbox.ipfs import pinata_v2
from mint_sandbox.ipfs.pinata_account import DEFAULT_NETWORK, Account
from mint_sandbox.ipfs.pinata_files import FileRecord
from mint_sandbox.ipfs.uploads import Upload, receive

MAX_REQUEST = 1024**3
"""Bytes of a request; larger files go to Pinata by another protocol (TUS), which is not here."""

_USER_ID = "5a0d0e6c-3c5f-4d8c-9f5e-000000000001"
_GREETING = "Congratulations! You are communicating with the Pinata API!"
_DEFAULT_PAGE, _LARGEST_PAGE = 10, 1000
_NETWORKS = ("public", "private")


def application(
    account: Account, jwt: str, limit: Middleware, *middlewares: Middleware
) -> web.Application:
    """The API and the upload address in one; `middlewares` come first, from the outside in.

    `limit` holds the requests a minute.
    """
    app = web.Application(
        middlewares=[*middlewares, limit, _authorised(jwt), _errors], client_max_size=MAX_REQUEST
    )
    api = _Api(account)
    one = "/v3/files/{network:public|private}"
    app.add_routes(
        [
            web.get("/data/testAuthentication", _greet),
            web.get("/v3/data/testAuthentication", _greet),
            web.post("/v3/files", api.upload),
            web.post("/v3/files/public/pin_by_cid", api.pin_by_cid),
            web.get("/v3/files/public/pin_by_cid", api.list_jobs),
            web.delete("/v3/files/public/pin_by_cid/{id}", api.cancel_job),
            web.get(one, api.list_files),
            web.get(one + "/{id}", api.get_file),
            web.put(one + "/{id}", api.update_file),
            web.delete(one + "/{id}", api.delete_file),
            *pinata_v2.routes(account),
        ]
    )
    return app


class _Api:
    def __init__(self, account: Account) -> None:
        self._account = account

    async def upload(self, request: web.Request) -> web.Response:
        upload, form = await _read_form(request, self._account.chunk_size)
        record, known = self._account.pin(upload, form)
        return _data({**_shown(record), "user_id": _USER_ID, "is_duplicate": known})

    async def list_files(self, request: web.Request) -> web.Response:
        self._account.work_off()
        query = request.query
        page = self._account.files.page(
            request.match_info["network"],
            cid=query.get("cid"),
            name=query.get("name"),
            token=query.get("pageToken", ""),
            limit=min(int(query.get("limit", _DEFAULT_PAGE)), _LARGEST_PAGE),
        )
        files = [_shown(record) for record in page.files]
        return _data({"files": files, "next_page_token": page.next_page_token})

    async def get_file(self, request: web.Request) -> web.Response:
        return _data(_shown(self._file(request)))

    async def update_file(self, request: web.Request) -> web.Response:
        body = await request.json()
        changes = {name: body[name] for name in ("name", "keyvalues") if name in body}
        return _data(_shown(self._account.files.update(self._file(request), changes)))

    async def delete_file(self, request: web.Request) -> web.Response:
        self._account.unpin(self._file(request))
        return web.json_response({"data": None})

    async def pin_by_cid(self, request: web.Request) -> web.Response:
        return _data(asdict(self._account.queue(await request.json())))

    async def list_jobs(self, request: web.Request) -> web.Response:
        self._account.work_off()
        cid, status = request.query.get("cid"), request.query.get("status")
        jobs = [
            asdict(job)
            for job in self._account.files.jobs()
            if cid in (None, job.cid) and status in (None, job.status)
        ]
        return _data({"jobs": jobs, "next_page_token": ""})

    async def cancel_job(self, request: web.Request) -> web.Response:
        if not self._account.files.delete_job(request.match_info["id"]):
            raise web.HTTPNotFound
        return web.json_response({"data": None})

    def _file(self, request: web.Request) -> FileRecord:
        place = request.match_info
        record = self._account.files.by_id(place["network"], place["id"])
        if record is None:
            raise web.HTTPNotFound
        return record


async def _greet(_: web.Request) -> web.Response:
    return web.json_response({"message": _GREETING})


async def _read_form(request: web.Request, chunk_size: int) -> tuple[Upload, dict[str, str]]:
    upload: Upload | None = None
    form: dict[str, str] = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise Permanent("nested multipart bodies are not accepted")
        if part.name == "file":
            upload = await receive(part, chunk_size=chunk_size)
        else:
            form[str(part.name)] = await part.text()
    if upload is None:
        raise Permanent("the form has no part named 'file'")
    _check_form(form)
    return (upload.unpacked() if form.get("car") == "true" else upload), form


def _check_form(form: Mapping[str, str]) -> None:
    if form.get("network", DEFAULT_NETWORK) not in _NETWORKS:
        raise Permanent(f"network {form['network']!r} is neither 'public' nor 'private'")
    if form.get("car", "false") not in ("true", "false"):
        raise Permanent(f"car {form['car']!r} is neither 'true' nor 'false'")


def _shown(record: FileRecord) -> dict[str, Any]:
    shown = asdict(record)
    del shown["network"]
    return shown


def _data(data: Mapping[str, Any]) -> web.Response:
    return web.json_response({"data": data})


def _authorised(jwt: str) -> Middleware:
    @web.middleware
    async def authorised(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {jwt}":
            return _error(401, "Not Authorized")
        return await handler(request)

    return authorised


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPError as error:
        return _error(error.status, error.reason)
    except (Permanent, KeyError, ValueError) as error:
        return _error(400, f"{type(error).__name__}: {error}")


def _error(status: int, details: str) -> web.Response:
    return web.json_response({"error": details}, status=status)

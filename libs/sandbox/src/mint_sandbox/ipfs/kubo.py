"""Kubo's RPC over a block store.

Source of paths, shapes and messages: docs.ipfs.tech/reference/kubo/rpc and Kubo's own answers.
POST only; a failure is HTTP 500 with a message. What is not here is looked for in the network.
"""

from __future__ import annotations

import json
from typing import Any

from aiohttp import BodyPartReader, web
from aiohttp.typedefs import Handler, Middleware

from mint_content.car import Archive, read_car
from mint_content.cid import Cid
from mint_content.unixfs import Layout
from mint_resilience.failures import Permanent
from mint_sandbox.ipfs.blockstore import BlockMissing, BlockStore, Network
from mint_sandbox.ipfs.uploads import Upload, receive

MAX_REQUEST = 1024**3
"""Bytes of a request."""

VERSION = "0.43.1-sandbox"
"""The Kubo whose behaviour this follows."""

_PEER_ID = "12D3KooWTrimintSandbox"


class _Refused(Exception):  # noqa: N818 - the node's own word to its client
    """What Kubo answers with status 500 and this message."""


def application(store: BlockStore, network: Network, *middlewares: Middleware) -> web.Application:
    """The RPC; `middlewares` come first, from the outside in."""
    app = web.Application(middlewares=[*middlewares, _errors], client_max_size=MAX_REQUEST)
    rpc = _Rpc(store, network)
    app.add_routes(
        [
            web.post("/api/v0/add", rpc.add),
            web.post("/api/v0/dag/import", rpc.dag_import),
            web.post("/api/v0/pin/add", rpc.pin_add),
            web.post("/api/v0/pin/rm", rpc.pin_rm),
            web.post("/api/v0/pin/ls", rpc.pin_ls),
            web.post("/api/v0/cat", rpc.cat),
            web.post("/api/v0/block/get", rpc.block_get),
            web.post("/api/v0/repo/stat", rpc.repo_stat),
            web.post("/api/v0/version", _version),
            web.post("/api/v0/id", _id),
        ]
    )
    return app


class _Rpc:
    def __init__(self, store: BlockStore, network: Network) -> None:
        self._store = store
        self._network = network

    async def add(self, request: web.Request) -> web.Response:
        layout, pinned = _layout(request), request.query.get("pin", "true") == "true"
        lines = [
            self._keep(await receive(part, layout), pinned=pinned)
            async for part in await request.multipart()
            if isinstance(part, BodyPartReader)
        ]
        return web.Response(text="".join(lines), content_type="application/json")

    def _keep(self, upload: Upload, *, pinned: bool) -> str:
        (upload.pin_into if pinned else upload.put_into)(self._store)
        root = upload.root
        line = {"Name": upload.name, "Hash": str(root.cid), "Size": str(root.dag_size)}
        return json.dumps(line) + "\n"

    async def dag_import(self, request: web.Request) -> web.Response:
        pinned = request.query.get("pin-roots", "true") == "true"
        archives = [
            read_car(bytes(await part.read(decode=True)))
            async for part in await request.multipart()
            if isinstance(part, BodyPartReader)
        ]
        lines = [self._import(archive, pinned=pinned) for archive in archives]
        return web.Response(text="".join(lines), content_type="application/json")

    def _import(self, archive: Archive, *, pinned: bool) -> str:
        for block in archive.blocks:
            self._store.put(block)
        for root in archive.roots if pinned else ():
            self._store.pin(root)
        told = [{"Root": {"Cid": {"/": str(root)}, "PinErrorMsg": ""}} for root in archive.roots]
        return "".join(json.dumps(line) + "\n" for line in told)

    async def pin_add(self, request: web.Request) -> web.Response:
        cid = _cid(request)
        self._network.pin_into(self._store, cid)
        return web.json_response({"Pins": [str(cid)]})

    async def pin_rm(self, request: web.Request) -> web.Response:
        cid = _cid(request)
        if not self._store.unpin(cid):
            raise _Refused("not pinned or pinned indirectly")
        return web.json_response({"Pins": [str(cid)]})

    async def pin_ls(self, request: web.Request) -> web.Response:
        pins = self._store.pins()
        if "arg" in request.query:
            cid = _cid(request)
            if not self._store.is_pinned(cid):
                raise _Refused(f"path '/ipfs/{cid}' is not pinned")
            pins = (str(cid),)
        return web.json_response({"Keys": {pin: {"Type": "recursive", "Name": ""} for pin in pins}})

    async def cat(self, request: web.Request) -> web.Response:
        return web.Response(body=self._network.file(_cid(request)), content_type="text/plain")

    async def block_get(self, request: web.Request) -> web.Response:
        return web.Response(body=self._network.block(_cid(request)), content_type="text/plain")

    async def repo_stat(self, _: web.Request) -> web.Response:
        usage = self._store.usage()
        stat = {"NumObjects": usage.blocks, "RepoSize": usage.size, "StorageMax": 10_000_000_000}
        return web.json_response({**stat, "RepoPath": "", "Version": "fs-repo@18"})


async def _version(_: web.Request) -> web.Response:
    return web.json_response({"Version": VERSION, "Commit": "", "Repo": "18"})


async def _id(_: web.Request) -> web.Response:
    identity: dict[str, Any] = {"ID": _PEER_ID, "AgentVersion": f"kubo/{VERSION}/"}
    return web.json_response({**identity, "Addresses": [], "Protocols": []})


def _layout(request: web.Request) -> Layout:
    query = request.query
    version = query.get("cid-version", "0")
    raw_leaves = query.get("raw-leaves", "true" if version == "1" else "false")
    if query.get("chunker", "size-262144") != "size-262144":
        raise _Refused(f"unsupported chunker {query['chunker']!r}")
    match version, raw_leaves:
        case "1", "true":
            return Layout.V1_RAW_LEAVES
        case "0", "false":
            return Layout.V0_WRAPPED_LEAVES
        case _:
            raise _Refused(f"unsupported: cid-version={version} with raw-leaves={raw_leaves}")


def _cid(request: web.Request) -> Cid:
    argument = request.query.get("arg")
    if not argument:
        raise web.HTTPBadRequest(text='argument "ipfs-path" is required')
    try:
        return Cid.parse(argument.removeprefix("/ipfs/"))
    except Permanent as error:
        raise _Refused(f"invalid path {argument!r}: {error}") from error


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except (_Refused, BlockMissing, Permanent) as error:
        body = {"Message": str(error), "Code": 0, "Type": "error"}
        return web.json_response(body, status=500)

"""The path gateway: content under its CID, from the whole network.

Source: specs.ipfs.tech/http-gateways/path-gateway and trustless-gateway (`?format=raw|car`).
"""

from __future__ import annotations

from html import escape

from aiohttp import web
from aiohttp.typedefs import Middleware

from mint_content import car
from mint_content.cid import Cid
from mint_content.dagpb import decode_folder
from mint_content.media import media_type
from mint_content.unixfs import Block, children_of
from mint_resilience.failures import Permanent
from mint_sandbox.ipfs.blockstore import BlockMissing, Network

_RAW_TYPE = "application/vnd.ipld.raw"
_CAR_TYPE = f"{car.MEDIA_TYPE}; version=1; order=dfs; dups=n"
_FORMATS = {"raw": _RAW_TYPE, "car": car.MEDIA_TYPE}


def application(network: Network, *middlewares: Middleware) -> web.Application:
    """One gateway, GET and HEAD; `middlewares` come first, from the outside in."""
    app = web.Application(middlewares=[*middlewares])

    async def fetch(request: web.Request) -> web.Response:
        return _serve(network, request)

    app.add_routes([web.get("/ipfs/{cid}", fetch)])
    return app


def _serve(network: Network, request: web.Request) -> web.Response:
    cid = _cid(request)
    try:
        body, media_type = _content(network, cid, _format(request))
    except BlockMissing as error:
        raise web.HTTPNotFound(text=f"ipfs: {error}") from error
    return _answer(request, body, _headers(cid, media_type))


def _format(request: web.Request) -> str:
    """The format of the query, else of the header; empty for the file itself."""
    accepted = request.headers.get("Accept", "")
    by_header = next((name for name, media in _FORMATS.items() if media in accepted), "")
    return request.query.get("format", by_header)


def _content(network: Network, cid: Cid, wanted: str) -> tuple[bytes, str]:
    if wanted == "raw":
        return network.block(cid), _RAW_TYPE
    if wanted == "car":
        return _archive(network, cid), _CAR_TYPE
    if network.is_folder(cid):
        return _listing(network, cid), "text/html"
    body = network.file(cid)
    return body, _media_type(body)


def _listing(network: Network, folder: Cid) -> bytes:
    """What a browser is shown of a folder."""
    names = (entry.name for entry in decode_folder(network.block(folder)))
    items = "".join(f"<li>{escape(name)}</li>" for name in names)
    return f"<!DOCTYPE html><title>/ipfs/{folder}</title><ul>{items}</ul>".encode()


def _archive(network: Network, root: Cid) -> bytes:
    """All blocks, depth first, each once."""
    blocks: dict[Cid, Block] = {}
    waiting = [root]
    while waiting:
        cid = waiting.pop()
        if cid not in blocks:
            blocks[cid] = Block(cid, network.block(cid))
            waiting += reversed(children_of(blocks[cid]))
    return car.write_car([root], blocks.values())


def _cid(request: web.Request) -> Cid:
    try:
        return Cid.parse(request.match_info["cid"])
    except Permanent as error:
        raise web.HTTPBadRequest(text=str(error)) from error


def _headers(cid: Cid, media_type: str) -> dict[str, str]:
    return {
        "Content-Type": media_type,
        "Cache-Control": "public, max-age=29030400, immutable",
        "Etag": f'"{cid}"',
        "X-Ipfs-Path": f"/ipfs/{cid}",
        "X-Ipfs-Roots": str(cid),
        "Accept-Ranges": "bytes",
    }


def _answer(request: web.Request, body: bytes, headers: dict[str, str]) -> web.Response:
    wanted = _wanted(request, len(body))
    if wanted is None:
        return web.Response(body=body, headers=headers)
    if not wanted:
        raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{len(body)}"})
    headers["Content-Range"] = f"bytes {wanted[0]}-{wanted[-1]}/{len(body)}"
    return web.Response(status=206, body=body[wanted.start : wanted.stop], headers=headers)


def _wanted(request: web.Request, size: int) -> range | None:
    """The positions asked for; None for all, also when the header is malformed (RFC 9110, 14.2)."""
    if "Range" not in request.headers:
        return None
    try:
        return range(size)[request.http_range]
    except ValueError:
        return None


def _media_type(body: bytes) -> str:
    if known := media_type(body):
        return known
    try:
        body.decode()
    except UnicodeDecodeError:
        return "application/octet-stream"
    return "text/plain; charset=utf-8"

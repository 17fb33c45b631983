"""The path gateway: content under its CID, from the whole network.

Source: specs.ipfs.tech/http-gateways/path-gateway and trustless-gateway (`?format=raw`).
"""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Middleware

from mint_content.cid import Cid
from mint_content.media import image_type
from mint_resilience.failures import Permanent
from mint_sandbox.ipfs.blockstore import BlockMissing, Network

_RAW_TYPE = "application/vnd.ipld.raw"


def application(network: Network, *middlewares: Middleware) -> web.Application:
    """One gateway, GET and HEAD; `middlewares` come first, from the outside in."""
    app = web.Application(middlewares=[*middlewares])

    async def fetch(request: web.Request) -> web.Response:
        return _serve(network, request)

    app.add_routes([web.get("/ipfs/{cid}", fetch)])
    return app


def _serve(network: Network, request: web.Request) -> web.Response:
    cid = _cid(request)
    raw = request.query.get("format") == "raw" or _RAW_TYPE in request.headers.get("Accept", "")
    try:
        body = network.block(cid) if raw else network.file(cid)
    except BlockMissing as error:
        raise web.HTTPNotFound(text=f"ipfs: {error}") from error
    return _answer(request, body, _headers(cid, _RAW_TYPE if raw else _media_type(body)))


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
    if image := image_type(body):
        return image
    try:
        body.decode()
    except UnicodeDecodeError:
        return "application/octet-stream"
    return "text/plain; charset=utf-8"

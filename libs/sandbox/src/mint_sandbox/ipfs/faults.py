"""What faults do to gateways and providers, besides what they do to any HTTP server."""

from __future__ import annotations

import re
from functools import partial
from typing import Final

from aiohttp import web

from mint_content.cid import Cid
from mint_content.unixfs import cid_of
from mint_sandbox.faults.effects import HTTP_EFFECTS, Effects, Strike, altered, retry_after
from mint_sandbox.faults.model import Kind
from mint_sandbox.ipfs.blockstore import Network

_A_PRIVATE_ADDRESS: Final = "http://127.0.0.1:1/"
_ANOTHER_CID: Final = str(cid_of(b"not what was sent"))
_NAMED: Final = re.compile(rb'(?<="cid": ")[^"]+|(?<="Hash": ")[^"]+')
_PIECE: Final = bytes(64 * 1024)
_PAUSE: Final = 0.001  # seconds between two pieces of an endless body


async def wrong_bytes(strike: Strike) -> web.StreamResponse:
    """The content with the lowest bit of its middle byte changed."""
    response, body = await strike.body()
    changed = bytearray(body or b"\x00")
    changed[len(changed) // 2] ^= 1
    return altered(response, bytes(changed))


async def other_file(strike: Strike, network: Network) -> web.StreamResponse:
    """What lies under another CID, as a cache does that mixes up its keys."""
    cid = Cid.parse(strike.request.match_info["cid"])
    strike.request.match_info["cid"] = str(network.another(cid))
    return await strike.proceed()


async def endless(strike: Strike) -> web.StreamResponse:
    """The content and then zeros, until the client leaves."""
    whole, body = await strike.body()
    response = web.StreamResponse(headers={"Content-Type": whole.content_type})
    await response.prepare(strike.request)
    await response.write(body)
    while not strike.over.is_set():
        await response.write(_PIECE)
        await strike.pause(_PAUSE)
    return response


async def redirect(strike: Strike) -> web.StreamResponse:
    """Elsewhere, to a place that only this machine reaches."""
    location = strike.fault.location or _A_PRIVATE_ADDRESS
    return web.Response(status=302, headers={"Location": location})


async def rate_limited(strike: Strike) -> web.StreamResponse:
    """429, with a provider's headers: nothing is left."""
    wait = retry_after(strike.fault)
    limits = {"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "0"}
    if wait:
        limits["X-RateLimit-Reset"] = wait["Retry-After"]
    body = {"error": "Too Many Requests"}
    return web.json_response(body, status=429, headers=wait | limits)


async def unauthorized(_strike: Strike) -> web.StreamResponse:
    """401."""
    return web.json_response({"error": "Not Authorized"}, status=401)


async def over_quota(strike: Strike) -> web.StreamResponse:
    """The plan's storage is full; which status says so is not documented, so it can be given."""
    body = {"error": "Storage limit of the plan exceeded"}
    return web.json_response(body, status=strike.fault.status or 403)


async def wrong_cid(strike: Strike) -> web.StreamResponse:
    """The request is carried out, its answer speaks of another CID."""
    response, body = await strike.body()
    return altered(response, _NAMED.sub(_ANOTHER_CID.encode(), body))


PROVIDER_EFFECTS: Effects = {
    **HTTP_EFFECTS,
    Kind.RATE_LIMITED: rate_limited,
    Kind.UNAUTHORIZED: unauthorized,
    Kind.OVER_QUOTA: over_quota,
    Kind.WRONG_CID: wrong_cid,
    Kind.WRONG_BYTES: wrong_bytes,
}
"""What Pinata and Kubo can be made to do."""


def gateway_effects(network: Network) -> Effects:
    """What a gateway of that network can be made to do."""
    return {
        **HTTP_EFFECTS,
        Kind.WRONG_BYTES: wrong_bytes,
        Kind.OTHER_FILE: partial(other_file, network=network),
        Kind.ENDLESS: endless,
        Kind.REDIRECT: redirect,
    }

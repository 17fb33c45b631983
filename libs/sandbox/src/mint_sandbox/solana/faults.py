"""What faults do to requests of a Solana endpoint, besides what they do to any HTTP server's."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any, Final

from aiohttp import web

from mint_sandbox.faults.effects import HTTP_EFFECTS, Effects, Strike, retry_after
from mint_sandbox.faults.model import Kind
from mint_sandbox.solana.node import USUAL, Conduct
from mint_sandbox.solana.rpc.errors import RpcError, node_behind

CONDUCT: Final = web.RequestKey("conduct", Conduct)
"""How the node is to serve a request."""

_TOO_MANY: Final = "Too many requests for a specific RPC call"  # as api.mainnet-beta.solana.com
_BEHIND: Final = -32005


async def rate_limited(strike: Strike) -> web.StreamResponse:
    """429 whose body is a JSON-RPC error of the same number, as public endpoints answer."""
    body = await _failures(strike.request, RpcError(429, _TOO_MANY))
    return web.json_response(body, status=429, headers=retry_after(strike.fault))


async def rpc_error(strike: Strike) -> web.StreamResponse:
    """200 with a JSON-RPC error."""
    return web.json_response(await _failures(strike.request, _error(strike)))


async def drop(strike: Strike) -> web.StreamResponse:
    """Sent transactions never land."""
    return await _served(strike, replace(_conduct(strike), dropped=True))


async def late(strike: Strike) -> web.StreamResponse:
    """Sent transactions land later."""
    blocks = strike.fault.blocks
    return await _served(strike, replace(_conduct(strike), kept=blocks or math.inf))


async def lag(strike: Strike) -> web.StreamResponse:
    """All is as it was some slots ago."""
    return await _served(strike, replace(_conduct(strike), lag=strike.fault.blocks or 0))


async def height(strike: Strike) -> web.StreamResponse:
    """Block heights are wrong."""
    return await _served(strike, replace(_conduct(strike), height_error=strike.fault.blocks or 0))


def _conduct(strike: Strike) -> Conduct:
    conduct: Conduct = strike.request.get(CONDUCT, USUAL)
    return conduct


async def _served(strike: Strike, conduct: Conduct) -> web.StreamResponse:
    strike.request[CONDUCT] = conduct
    return await strike.proceed()


def _error(strike: Strike) -> RpcError:
    code = 429 if strike.fault.code is None else strike.fault.code
    if code == _BEHIND:
        return node_behind(strike.fault.blocks)
    return RpcError(code, _TOO_MANY if code == 429 else "Server error")


async def _failures(request: web.Request, error: RpcError) -> Any:
    """The error in answer to the request, or to each of a batch."""
    try:
        asked = json.loads(await request.read())
    except ValueError:
        asked = None
    if isinstance(asked, list):
        return [_failure(one, error) for one in asked]
    return _failure(asked, error)


def _failure(asked: Any, error: RpcError) -> dict[str, Any]:
    request_id = asked.get("id") if isinstance(asked, dict) else None
    return {"jsonrpc": "2.0", "error": error.as_json(), "id": request_id}


RPC_EFFECTS: Effects = {
    **HTTP_EFFECTS,
    Kind.RATE_LIMITED: rate_limited,
    Kind.RPC_ERROR: rpc_error,
    Kind.DROP: drop,
    Kind.LATE: late,
    Kind.LAG: lag,
    Kind.HEIGHT: height,
}
"""What a Solana endpoint can be made to do."""

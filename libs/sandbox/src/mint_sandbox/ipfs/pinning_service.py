"""The vendor-neutral Pinning Service API 1.0.0 over a block store: it is told CIDs, never bytes.

Source: ipfs.github.io/pinning-services-api-spec. A request is worked on whenever the service is
asked about requests, so `queued` is seen in its answer and until the content is found.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from mint_content.cid import Cid
from mint_resilience.failures import Permanent
from mint_sandbox.ipfs.blockstore import BlockMissing, BlockStore, Network
from mint_sandbox.ipfs.pin_requests import PinRequest, PinRequests

_DEFAULT_LIMIT, _LARGEST_LIMIT = 10, 1000
_DEFAULT_STATUS = "pinned"


def application(
    requests: PinRequests,
    store: BlockStore,
    network: Network,
    token: str,
    *middlewares: Middleware,
) -> web.Application:
    """The service; `middlewares` come first, from the outside in."""
    app = web.Application(middlewares=[*middlewares, _authorised(token), _errors])
    service = _Service(requests, store, network)
    app.add_routes(
        [
            web.get("/pins", service.list_pins),
            web.post("/pins", service.add_pin),
            web.get("/pins/{id}", service.get_pin),
            web.post("/pins/{id}", service.replace_pin),
            web.delete("/pins/{id}", service.delete_pin),
        ]
    )
    return app


class _Service:
    def __init__(self, requests: PinRequests, store: BlockStore, network: Network) -> None:
        self._requests = requests
        self._store = store
        self._network = network

    async def add_pin(self, request: web.Request) -> web.Response:
        return _answer(self._add(await request.json()), status=202)

    async def list_pins(self, request: web.Request) -> web.Response:
        self._work_off()
        query = request.query
        wanted = self._requests.find(
            cids=_list(query.get("cid", "")),
            name=query.get("name"),
            statuses=_list(query.get("status", _DEFAULT_STATUS)),
        )
        limit = min(int(query.get("limit", _DEFAULT_LIMIT)), _LARGEST_LIMIT)
        results = [_shown(pin) for pin in wanted[:limit]]
        return web.json_response({"count": len(wanted), "results": results})

    async def get_pin(self, request: web.Request) -> web.Response:
        self._work_off()
        return _answer(self._pin(request))

    async def replace_pin(self, request: web.Request) -> web.Response:
        replaced = self._pin(request)
        added = self._add(await request.json())
        self._remove(replaced)
        return _answer(added, status=202)

    async def delete_pin(self, request: web.Request) -> web.Response:
        self._remove(self._pin(request))
        return web.Response(status=202)

    def _add(self, body: Mapping[str, Any]) -> PinRequest:
        return self._requests.add({**body, "cid": str(Cid.parse(body["cid"]))})

    def _remove(self, pin: PinRequest) -> None:
        self._requests.delete(pin.requestid)
        cid = pin.pin["cid"]
        if not self._requests.find(cids=(cid,), name=None, statuses=(_DEFAULT_STATUS,)):
            self._store.unpin(Cid.parse(cid))

    def _work_off(self) -> None:
        waiting = self._requests.find(cids=(), name=None, statuses=("queued", "pinning"))
        for pin in waiting:
            try:
                self._network.pin_into(self._store, Cid.parse(pin.pin["cid"]))
            except BlockMissing:
                self._requests.set_status(pin, "pinning")
            else:
                self._requests.set_status(pin, "pinned")

    def _pin(self, request: web.Request) -> PinRequest:
        pin = self._requests.get(request.match_info["id"])
        if pin is None:
            raise web.HTTPNotFound
        return pin


def _list(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(",") if part)


def _shown(pin: PinRequest) -> dict[str, Any]:
    told = {"requestid": pin.requestid, "status": pin.status, "created": pin.created}
    return {**told, "pin": pin.pin, "delegates": [], "info": {}}


def _answer(pin: PinRequest, status: int = 200) -> web.Response:
    return web.json_response(_shown(pin), status=status)


def _authorised(token: str) -> Middleware:
    @web.middleware
    async def authorised(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {token}":
            return _error(401, "UNAUTHORIZED", "Access token is missing or invalid")
        return await handler(request)

    return authorised


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPError as error:
        return _error(error.status, error.reason.upper().replace(" ", "_"), error.reason)
    except (Permanent, KeyError, ValueError) as error:
        return _error(400, "BAD_REQUEST", f"{type(error).__name__}: {error}")


def _error(status: int, reason: str, details: str) -> web.Response:
    return web.json_response({"error": {"reason": reason, "details": details}}, status=status)

"""The control port: what the endpoints were asked, and the faults they are told to have.

`GET /sandbox/calls`, `POST /sandbox/calls/reset`; `GET /sandbox/faults`, and for one endpoint
`GET`, `PUT`, `DELETE /sandbox/faults/{endpoint}`.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from mint_sandbox.control.endpoints import Control, Controlled
from mint_sandbox.faults.model import Fault
from mint_sandbox.faults.schedule import Plan


def control_app(control: Control) -> web.Application:
    """The application behind the control port of a process."""
    app = web.Application(middlewares=[_bad_requests])
    routes = _Routes(control)
    one = "/sandbox/faults/{endpoint}"
    app.add_routes(
        [
            web.get("/sandbox/calls", routes.calls),
            web.post("/sandbox/calls/reset", routes.reset_calls),
            web.get("/sandbox/faults", routes.all_faults),
            web.get(one, routes.faults),
            web.put(one, routes.misbehave),
            web.delete(one, routes.behave),
        ]
    )
    return app


class _Routes:
    def __init__(self, control: Control) -> None:
        self._endpoints = control.endpoints

    async def calls(self, _: web.Request) -> web.Response:
        return _json({name: endpoint.calls for name, endpoint in self._endpoints.items()})

    async def reset_calls(self, _: web.Request) -> web.Response:
        for endpoint in self._endpoints.values():
            endpoint.calls.clear()
        return _json({})

    async def all_faults(self, _: web.Request) -> web.Response:
        return _json({name: _shown(endpoint) for name, endpoint in self._endpoints.items()})

    async def faults(self, request: web.Request) -> web.Response:
        return _json(_shown(self._endpoint(request)))

    async def misbehave(self, request: web.Request) -> web.Response:
        endpoint = self._endpoint(request)
        await endpoint.misbehave(_plan(await request.json()))
        return _json(_shown(endpoint))

    async def behave(self, request: web.Request) -> web.Response:
        endpoint = self._endpoint(request)
        await endpoint.misbehave(Plan())
        return _json(_shown(endpoint))

    def _endpoint(self, request: web.Request) -> Controlled:
        name = request.match_info["endpoint"]
        if name not in self._endpoints:
            there = ", ".join(self._endpoints)
            raise web.HTTPNotFound(text=f"no endpoint {name!r} here; there are {there}")
        return self._endpoints[name]


def _plan(body: Any) -> Plan:
    if not isinstance(body, dict) or not isinstance(body.get("faults"), list):
        raise TypeError('expected {"faults": [...], "seed": number}')
    return Plan(tuple(Fault.from_json(fault) for fault in body["faults"]), body.get("seed", 0))


def _shown(endpoint: Controlled) -> dict[str, Any]:
    misconduct = endpoint.misconduct
    told = zip(misconduct.plan.faults, misconduct.tallies, strict=True)
    return {
        "faults": [fault.to_json() | {"struck": tally.struck} for fault, tally in told],
        "seed": misconduct.plan.seed,
        "kinds": sorted(endpoint.kinds),
    }


def _json(content: Any) -> web.Response:
    return web.json_response(content)


@web.middleware
async def _bad_requests(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except (TypeError, ValueError) as error:
        raise web.HTTPBadRequest(text=str(error)) from error

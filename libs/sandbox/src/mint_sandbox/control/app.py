"""The control port: `GET /sandbox/calls`, `POST /sandbox/calls/reset`."""

from __future__ import annotations

from aiohttp import web

from mint_sandbox.control.endpoints import Control


def control_app(control: Control) -> web.Application:
    """The application behind the control port of a process."""
    app = web.Application()
    routes = _Routes(control)
    app.add_routes(
        [
            web.get("/sandbox/calls", routes.calls),
            web.post("/sandbox/calls/reset", routes.reset_calls),
        ]
    )
    return app


class _Routes:
    def __init__(self, control: Control) -> None:
        self._endpoints = control.endpoints

    async def calls(self, _: web.Request) -> web.Response:
        counts = {name: endpoint.calls for name, endpoint in self._endpoints.items()}
        return web.json_response(counts)

    async def reset_calls(self, _: web.Request) -> web.Response:
        for endpoint in self._endpoints.values():
            endpoint.calls.clear()
        return web.json_response({})

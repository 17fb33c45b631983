"""The HTTP side of a service: is it alive, is it ready, and its metrics.

`/livez`    200 while the event loop turns
`/readyz`   200 when every check passes, else 503; the body says what each check found
`/metrics`  Prometheus' text format
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import prometheus_client
from aiohttp import web

Check = Callable[[], Awaitable[str | None]]
"""Returns None when all is well, else one line that says what is missing. An exception counts as
missing, with its text."""

CHECK_TIMEOUT_SECONDS = 2.0
"""A probe of Kubernetes gives up after a second or a few; an unanswered check is a failed one."""


class HealthServer:
    """Serves `/livez`, `/readyz` and `/metrics` of one process; port 0 takes a free port."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._checks: dict[str, Check] = {}
        self._runner = web.AppRunner(self._app(), access_log=None)

    @property
    def address(self) -> str:
        """The URL it listens on, e.g. `http://127.0.0.1:43021`; known once started."""
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    def add_check(self, name: str, check: Check) -> None:
        """Let readiness depend on one more thing."""
        self._checks[name] = check

    async def start(self) -> None:
        """Bind and serve. Raises `OSError` when the port is taken."""
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()

    async def stop(self) -> None:
        """Close the port."""
        await self._runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/livez", _livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", _metrics)
        return app

    async def _readyz(self, _request: web.Request) -> web.Response:
        checks = dict(self._checks)
        found = await asyncio.gather(*(_outcome(check) for check in checks.values()))
        ready = bool(checks) and not any(found)  # a service that starts has none yet
        body = {
            "ready": ready,
            "checks": {n: f or "ok" for n, f in zip(checks, found, strict=True)},
        }
        return web.json_response(body, status=200 if ready else 503)


async def _outcome(check: Check) -> str | None:
    try:
        return await asyncio.wait_for(check(), CHECK_TIMEOUT_SECONDS)
    except TimeoutError:
        return f"no answer within {CHECK_TIMEOUT_SECONDS} s"
    except Exception as error:  # noqa: BLE001 - whatever it is, the answer says it
        return f"{type(error).__name__}: {error}"


async def _livez(_request: web.Request) -> web.Response:
    return web.json_response({"alive": True})


async def _metrics(_request: web.Request) -> web.Response:
    body = prometheus_client.generate_latest()
    return web.Response(body=body, headers={"Content-Type": prometheus_client.CONTENT_TYPE_LATEST})

"""A web server of a test's own: by TLS, on loopback, and down until the test opens it."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from mint_sandbox.control.door import bound

CERTIFICATE = Path(__file__).with_name("loopback.pem")
"""Self-signed, with its key, for 127.0.0.1 alone; good for these tests and nothing else."""


class Website:
    """Serves `files` by path, and redirects by `redirects`; `host` is its address and port."""

    def __init__(self, runner: web.AppRunner, site: web.SockSite, host: str) -> None:
        self._runner = runner
        self._site = site
        self.host = host
        self.files: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}

    @property
    def url(self) -> str:
        """Without a path."""
        return f"https://{self.host}"

    async def open(self) -> None:
        """Listen; before, connections are refused."""
        await self._site.start()


@asynccontextmanager
async def website() -> AsyncIterator[Website]:
    """A website whose port is taken and does not listen yet."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path in made.redirects:
            raise web.HTTPFound(made.redirects[request.path])
        if request.path not in made.files:
            raise web.HTTPNotFound
        return web.Response(body=made.files[request.path])

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(CERTIFICATE)
    sock = bound("127.0.0.1", 0)
    site = web.SockSite(runner, sock, ssl_context=tls)
    made = Website(runner, site, "{}:{}".format(*sock.getsockname()))
    try:
        yield made
    finally:
        await runner.cleanup()
        sock.close()

"""A port that can be closed and opened again while its server lives on."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

_SHUTDOWN_SECONDS = 1.0


class Door:
    """A port and the application behind it.

    While it is shut, connections are refused as if the process had ended, and those that were open
    have been reset; the port stays bound, so nobody else can take it.
    """

    def __init__(self, runner: web.AppRunner, sock: socket.socket) -> None:
        self._runner = runner
        self._socket = sock
        self._site: web.SockSite | None = None

    @property
    def port(self) -> int:
        """The port's number."""
        return int(self._socket.getsockname()[1])

    async def open(self) -> None:
        """Listen; nothing changes when it does already."""
        if self._site is None:
            self._site = web.SockSite(self._runner, self._socket)
            await self._site.start()

    async def shut(self) -> None:
        """Refuse everybody; nothing changes when it does already."""
        if self._site is None:
            return
        address = self._socket.getsockname()
        await self._site.stop()
        self._site = None
        self._socket = bound(*address)
        for connection in self._runner.server.connections if self._runner.server else ():
            connection.force_close()

    async def close(self) -> None:
        """End the server, its connections and its port."""
        await self._runner.cleanup()
        self._socket.close()


@asynccontextmanager
async def door(app: web.Application, sock: socket.socket) -> AsyncIterator[Door]:
    """Serve the application on a bound socket, which is closed at the end."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    served = Door(runner, sock)
    try:
        await served.open()
        yield served
    finally:
        await served.close()


def bound(host: str, port: int) -> socket.socket:
    """A TCP socket on that port (0: any that is free) that does not listen yet; raises OSError."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except (OSError, OverflowError) as error:
        sock.close()
        raise OSError(f"can not listen on {host}:{port}: {error}") from error
    return sock

"""The ledger behind JSON-RPC over HTTP and WebSocket, on one or several endpoints.

Each endpoint has two ports, as a validator has: HTTP, and WebSocket on the next one (clients such
as Metaplex's Umi derive it so). What an endpoint does wrong on purpose is a middleware of its
HTTP app: `rpc_app` is where it goes. A last port is for control.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web
from aiohttp.typedefs import Middleware

from mint_sandbox.control import Asked, Control, Controlled
from mint_sandbox.control.app import control_app
from mint_sandbox.control.door import bound, door
from mint_sandbox.solana.faults import CONDUCT, RPC_EFFECTS
from mint_sandbox.solana.ledger import Genesis, Ledger
from mint_sandbox.solana.node import USUAL, calls_on
from mint_sandbox.solana.program import TOKEN_METADATA
from mint_sandbox.solana.rpc import METHODS
from mint_sandbox.solana.rpc.dispatch import answer, methods_of
from mint_sandbox.solana.state import load, save
from mint_sandbox.solana.subscriptions import Subscriptions
from mint_sandbox.solana.vm import VirtualMachine

HOST = "127.0.0.1"
_BIND_ATTEMPTS = 200
_SHUTDOWN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to reach the chain."""

    rpc: str
    ws: str


class Listeners:
    """The open WebSocket connections, which are told what is new."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._open: dict[web.WebSocketResponse, _Listener] = {}

    def publish(self) -> None:
        """Let every connection say what is new for it."""
        for listener in self._open.values():
            listener.tell_news()

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """One connection, until the client or `close` ends it."""
        connection = web.WebSocketResponse(timeout=_SHUTDOWN_SECONDS)
        await connection.prepare(request)
        listener = self._open[connection] = _Listener(self._ledger)
        sender = asyncio.create_task(listener.send_to(connection))
        try:
            async for message in connection:
                listener.hear(message)
        finally:
            del self._open[connection]
            await _cancelled(sender)
        return connection

    async def close(self, _app: web.Application) -> None:
        """Say goodbye to all."""
        goodbyes = (one.close(code=WSCloseCode.GOING_AWAY) for one in list(self._open))
        await asyncio.gather(*goodbyes)


class _Listener:
    """One connection's subscriptions; what it is told leaves in the order in which it arose."""

    def __init__(self, ledger: Ledger) -> None:
        self._subscriptions = Subscriptions(ledger)
        self._outbox = asyncio.Queue[str]()

    def hear(self, message: WSMessage) -> None:
        if message.type is WSMsgType.TEXT:
            reply = answer(message.data, self._subscriptions.call)
            if reply is not None:
                self._outbox.put_nowait(reply)

    def tell_news(self) -> None:
        for notification in self._subscriptions.notifications():
            self._outbox.put_nowait(json.dumps(notification, separators=(",", ":")))

    async def send_to(self, connection: web.WebSocketResponse) -> None:
        with suppress(ConnectionError):  # the client has gone: its connection's loop ends by itself
            while True:
                await connection.send_str(await self._outbox.get())


@dataclass(frozen=True, slots=True)
class Running:
    """A chain that is being served: its endpoints in order of priority, and its ledger."""

    endpoints: tuple[Endpoint, ...]
    ledger: Ledger
    listeners: Listeners
    now: Callable[[], float]
    control: str

    @property
    def rpc(self) -> str:
        """The first endpoint's URL."""
        return self.endpoints[0].rpc

    @property
    def ws(self) -> str:
        """The first endpoint's WebSocket URL."""
        return self.endpoints[0].ws

    def pass_slots(self, count: int) -> None:
        """Let slots pass now, and tell whoever listens."""
        for _ in range(count):
            if self.ledger.tick(self.now()):
                self.listeners.publish()


def rpc_app(
    ledger: Ledger, listeners: Listeners, middlewares: Sequence[Middleware] = ()
) -> web.Application:
    """The HTTP side of an endpoint: JSON-RPC by POST, `GET /health`."""

    async def post(request: web.Request) -> web.Response:
        landed = len(ledger.history)
        call = calls_on(ledger, METHODS, request.get(CONDUCT, USUAL))
        reply = answer(await request.read(), call)
        if len(ledger.history) != landed:
            listeners.publish()
        return web.Response(text=reply or "", content_type="application/json")

    app = web.Application(middlewares=middlewares)
    app.router.add_post("/", post)
    app.router.add_get("/health", _health)
    return app


def ws_app(listeners: Listeners) -> web.Application:
    """The WebSocket side of an endpoint."""
    app = web.Application()
    app.router.add_get("/", listeners.serve)
    app.on_shutdown.append(listeners.close)
    return app


@asynccontextmanager
async def serve(
    program: bytes,
    *,
    genesis: Genesis,
    slot_seconds: float | None = 0.4,
    port: int = 0,
    endpoints: int = 1,
    state: Path | None = None,
    now: Callable[[], float] = time.time,
) -> AsyncIterator[Running]:
    """Serve a chain with the Token Metadata `program` until the context is left.

    It is a new one, or goes on from the file `state` (then `genesis` is the file's), which is
    written on leaving.

    Endpoint i, named `solana-{i + 1}`, listens on `port + 2 i` and the port after it, the control
    port is the one after all of them; for port 0 all are free ones. Without `slot_seconds` no time
    passes except by `Running.pass_slots`. `now` gives Unix seconds.
    Raises OSError when a port is taken.
    """
    vm = VirtualMachine({TOKEN_METADATA: program})
    ledger = (state and load(state, vm)) or Ledger(genesis, vm, now())
    listeners = Listeners(ledger)
    control = Control()

    def at(offset: int) -> int:
        return port and port + offset

    async with AsyncExitStack() as stack:
        served = [
            await stack.enter_async_context(
                _endpoint(ledger, listeners, control.endpoint(name, _asked, RPC_EFFECTS), at(2 * i))
            )
            for i, name in enumerate(f"solana-{number + 1}" for number in range(endpoints))
        ]
        control_url = await stack.enter_async_context(_control(control, at(2 * endpoints)))
        running = Running(tuple(served), ledger, listeners, now, control_url)
        if slot_seconds is not None:
            clock = asyncio.create_task(_let_time_pass(running, slot_seconds))
            stack.push_async_callback(_cancelled, clock)
        yield running
    if state is not None:
        save(ledger, state)


async def _let_time_pass(running: Running, slot_seconds: float) -> None:
    while True:
        await asyncio.sleep(slot_seconds)
        running.pass_slots(1)


@asynccontextmanager
async def _endpoint(
    ledger: Ledger, listeners: Listeners, controlled: Controlled, port: int
) -> AsyncIterator[Endpoint]:
    http, websocket = adjacent_sockets(port)
    with http, websocket:
        async with (
            door(rpc_app(ledger, listeners, controlled.middlewares), http) as rpc,
            door(ws_app(listeners), websocket) as ws,
        ):
            controlled.add_door(rpc)
            controlled.add_door(ws)
            yield Endpoint(f"http://{HOST}:{rpc.port}", f"ws://{HOST}:{ws.port}")


@asynccontextmanager
async def _control(control: Control, port: int) -> AsyncIterator[str]:
    async with door(control_app(control), bound(HOST, port)) as served:
        try:
            yield f"http://{HOST}:{served.port}"
        finally:
            await control.close()


async def _asked(request: web.Request) -> Asked:
    return Asked(methods_of(await request.read()))


def adjacent_sockets(port: int) -> tuple[socket.socket, socket.socket]:
    """Two bound sockets on neighbouring ports, the first on `port` (0: any that are free).

    Raises OSError when they can not be had.
    """
    for _ in range(_BIND_ATTEMPTS if port == 0 else 1):
        first = bound(HOST, port)
        try:
            return first, bound(HOST, first.getsockname()[1] + 1)
        except OSError:
            first.close()
    raise OSError(f"no two neighbouring free ports on {HOST} (asked for {port or 'any'})")


async def _health(_request: web.Request) -> web.Response:
    return web.Response(text="ok")


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

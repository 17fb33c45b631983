"""What faults do to a request of any HTTP server.

An effect decides whether and when the request goes on inwards (`Strike.proceed`), and what becomes
of the answer.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from mint_sandbox.faults.model import Fault, Kind

GARBAGE: Final = bytes(range(0x80, 0x100))
"""Neither JSON nor UTF-8."""

PAGE: Final = (
    "<!DOCTYPE html><html><head><title>Just a moment...</title></head>"
    "<body><h1>Checking your browser before accessing this site.</h1></body></html>"
)
"""What a proxy in front of a service shows to what it takes for a robot."""

_PIECES = 20
_NO_LINGERING: Final = struct.pack("ii", 1, 0)  # closing sends RST, not FIN


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault that strikes a request.

    `proceed` does what is asked and gives the answer; `over` is set when the fault is cleared.
    """

    fault: Fault
    request: web.Request
    proceed: Callable[[], Awaitable[web.StreamResponse]]
    over: asyncio.Event

    async def body(self) -> tuple[web.Response, bytes]:
        """Do what is asked; the answer and its bytes.

        Raises the `HTTPException` that is the answer, `TypeError` if the answer is a stream.
        """
        response = await self.proceed()
        if not isinstance(response, web.Response) or not isinstance(response.body, bytes | None):
            raise TypeError(f"{self.fault.kind} needs an answer with a body, not {response!r}")
        return response, response.body or b""

    async def pause(self, seconds: float) -> None:
        """Wait so long, or until the fault is cleared."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.over.wait(), seconds)


Effect = Callable[[Strike], Awaitable[web.StreamResponse]]
Effects = Mapping[Kind, Effect]


async def refuse(strike: Strike) -> web.StreamResponse:
    """Reset the connection; nothing is done."""
    return reset(strike.request)


async def hang(strike: Strike) -> web.StreamResponse:
    """Do nothing until the fault is cleared."""
    await strike.over.wait()
    return reset(strike.request)


async def slow(strike: Strike) -> web.StreamResponse:
    """Wait, then go on."""
    await strike.pause(strike.fault.seconds or 0)
    return await strike.proceed()


async def trickle(strike: Strike) -> web.StreamResponse:
    """The answer in small pieces."""
    whole, body = await strike.body()
    response = _streamed(whole)
    response.content_length = len(body)
    await response.prepare(strike.request)
    size = max(1, len(body) // _PIECES)
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    with suppress(ConnectionError):  # the client had enough
        for piece in pieces:
            await strike.pause((strike.fault.seconds or 0) / len(pieces))
            await response.write(piece)
        await response.write_eof()
    return response


async def rate_limited(strike: Strike) -> web.StreamResponse:
    """429."""
    return web.json_response(
        {"error": "Too Many Requests"}, status=429, headers=retry_after(strike.fault)
    )


async def server_error(strike: Strike) -> web.StreamResponse:
    """5xx, as a proxy says it."""
    status = strike.fault.status or 503
    return web.Response(status=status, text=f"{status}: upstream failed", content_type="text/plain")


async def lost_reply(strike: Strike) -> web.StreamResponse:
    """Do what is asked, and say nothing."""
    with suppress(web.HTTPException):  # an answer too, and lost as well
        await strike.proceed()
    return reset(strike.request)


async def cut_off(strike: Strike) -> web.StreamResponse:
    """Half of the answer, then the end of the connection."""
    whole, body = await strike.body()
    response = _streamed(whole)
    response.content_length = len(body)
    await response.prepare(strike.request)
    await response.write(body[: len(body) // 2])
    if strike.request.transport is not None:
        strike.request.transport.close()  # after what was written, unlike `abort`
    return response


async def truncated(strike: Strike) -> web.StreamResponse:
    """Half of the answer as if it were the whole."""
    whole, body = await strike.body()
    return altered(whole, body[: len(body) // 2])


async def garbage(strike: Strike) -> web.StreamResponse:
    """Do what is asked, and answer with what nobody can read."""
    whole, _ = await strike.body()
    return altered(whole, GARBAGE, status=200)


async def html(_strike: Strike) -> web.StreamResponse:
    """A web page; nothing is done."""
    return web.Response(text=PAGE, content_type="text/html")


def reset(request: web.Request) -> web.StreamResponse:
    """Reset the request's connection: what is returned never leaves."""
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGERING)
        request.transport.abort()
    return web.Response()


def retry_after(fault: Fault) -> dict[str, str]:
    """The header, if the fault has a number of seconds for it."""
    return {} if fault.seconds is None else {"Retry-After": f"{fault.seconds:g}"}


def altered(response: web.Response, body: bytes, *, status: int | None = None) -> web.Response:
    """The answer with other bytes; its length fits them."""
    return web.Response(
        status=status or response.status, body=body, headers=_headers_but_length(response)
    )


def _streamed(response: web.Response) -> web.StreamResponse:
    return web.StreamResponse(status=response.status, headers=_headers_but_length(response))


def _headers_but_length(response: web.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name != "Content-Length"}


HTTP_EFFECTS: Effects = {
    Kind.REFUSE: refuse,
    Kind.HANG: hang,
    Kind.SLOW: slow,
    Kind.TRICKLE: trickle,
    Kind.RATE_LIMITED: rate_limited,
    Kind.SERVER_ERROR: server_error,
    Kind.LOST_REPLY: lost_reply,
    Kind.CUT_OFF: cut_off,
    Kind.TRUNCATED: truncated,
    Kind.GARBAGE: garbage,
    Kind.HTML: html,
}
"""What any HTTP server can be made to do, on request (`flap` is not one of them)."""

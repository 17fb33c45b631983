"""A provider's limit of requests a minute, told in headers and held with 429.

Source: Pinata's plans (60, 250 or 500 requests a minute) and its `X-RateLimit-*` headers.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

WINDOW = 60.0
"""Seconds of a window; all of a window's requests are granted anew when it ends."""


class RequestWindow:
    """Counts the requests of the present window; `clock` gives seconds."""

    def __init__(self, limit: int, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._clock = clock
        self._ends = clock() + WINDOW
        self._used = 0

    def take(self) -> bool:
        """Count one request; False when the window has none left."""
        if self._clock() >= self._ends:
            self._ends, self._used = self._clock() + WINDOW, 0
        self._used += 1
        return self._used <= self._limit

    def headers(self) -> dict[str, str]:
        """The limit, what is left of it, and the seconds until it is granted anew."""
        return {
            "X-RateLimit-Limit": str(self._limit),
            "X-RateLimit-Remaining": str(max(0, self._limit - self._used)),
            "X-RateLimit-Reset": str(self._seconds_left()),
        }

    def refusal(self) -> web.Response:
        """The answer to one request too many."""
        wait = {"Retry-After": str(self._seconds_left())}
        return web.json_response({"error": "Too Many Requests"}, status=429, headers=wait)

    def _seconds_left(self) -> int:
        return max(0, math.ceil(self._ends - self._clock()))


def rate_limit(window: RequestWindow) -> Middleware:
    """Hold the limit and tell every client how much is left."""

    @web.middleware
    async def limited(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request) if window.take() else window.refusal()
        response.headers.update(window.headers())
        return response

    return limited

"""The endpoints of one server process, by name, and what each of them was asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

Operations = Callable[[web.Request], Awaitable[Sequence[str]]]
"""Names what a request asks for: JSON-RPC methods (several in a batch), or one operation."""


class Controlled:
    """One endpoint: its middlewares, and its calls by operation."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self.calls: Counter[str] = Counter()

    @property
    def middlewares(self) -> tuple[Middleware, ...]:
        """What goes around the endpoint's application, from the outside in."""
        return (self._counting(),)

    def _counting(self) -> Middleware:
        @web.middleware
        async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
            self.calls.update(await self._operations(request))
            return await handler(request)

        return count


class Control:
    """All endpoints of a process."""

    def __init__(self) -> None:
        self.endpoints: dict[str, Controlled] = {}

    def endpoint(self, name: str, operations: Operations) -> Controlled:
        """Take a new endpoint under control."""
        endpoint = self.endpoints[name] = Controlled(operations)
        return endpoint

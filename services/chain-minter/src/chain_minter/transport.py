"""HTTP to the RPC endpoints: a body posted, and the reply or a classified failure.

aiohttp, since this is where a mint spends its time: a call costs a tenth of httpx's (measured).
Sources: RFC 9110 (statuses, Retry-After) and aiohttp's tree of exceptions.
"""

from __future__ import annotations

from http import HTTPStatus
from types import TracebackType
from typing import Protocol, Self

import aiohttp

from mint_resilience.failures import Failure, Outage, RateLimited, Transient

_HEADERS = {"content-type": "application/json"}
_CONNECT_SECONDS = 5.0
_BODY_SHOWN = 200
_TRANSIENT_STATUSES = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY})


class Transport(Protocol):
    """How a request reaches an endpoint."""

    async def post(self, url: str, body: str) -> str:
        """The reply's text. Raises `Outage`, `RateLimited` or `Transient`."""
        ...


class HttpTransport:
    """Posts over connections that are kept; `async with` opens and closes them."""

    def __init__(self, *, seconds: float, connections: int) -> None:
        """Give a call up after `seconds`; have at most so many `connections` to one endpoint."""
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=min(_CONNECT_SECONDS, seconds), sock_read=seconds
        )
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=0, limit_per_host=self._connections)
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=self._timeout, headers=_HEADERS
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, url: str, body: str) -> str:
        """As `Transport` says."""
        if self._session is None:
            raise RuntimeError("the transport is not open")
        try:
            async with self._session.post(url, data=body) as response:
                text = await response.text()
        except (aiohttp.ClientError, TimeoutError, UnicodeDecodeError) as error:
            raise _no_reply(error, url) from error
        if response.status != HTTPStatus.OK:
            raise _refusal(response, text, url)
        return text


def _no_reply(error: Exception, url: str) -> Failure:
    message = f"{url}: {type(error).__name__} {error}".rstrip()
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.InvalidURL):
        return Outage(f"{message}; ask another endpoint", endpoint=url)
    return Transient(f"{message}; whether it took effect is unknown", endpoint=url)


def _refusal(response: aiohttp.ClientResponse, text: str, url: str) -> Failure:
    """A status of the 400s is final for the endpoint (its URL or key), never for the mint."""
    status = response.status
    message = f"{url}: HTTP {status} {text[:_BODY_SHOWN]}".rstrip()
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        wish = response.headers.get("retry-after", "")
        seconds = float(wish) if wish.isdigit() else None
        return RateLimited(message, endpoint=url, retry_after=seconds)
    if status in _TRANSIENT_STATUSES or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Transient(message, endpoint=url)
    return Outage(f"{message}; correct the endpoint's URL or key", endpoint=url)

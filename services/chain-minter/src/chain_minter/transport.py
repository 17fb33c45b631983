"""HTTP to the RPC endpoints: a body posted, and the reply or a classified failure.

aiohttp, since this is where a mint spends its time (docs/decisions/json-rpc-of-our-own.md). What a
failure says names the endpoint and never shows its URL, which may carry a provider's key.
"""

from __future__ import annotations

from http import HTTPStatus
from types import TracebackType
from typing import Protocol, Self

import aiohttp

from mint_resilience.failures import Failure, Outage, Permanent
from mint_resilience.http import classify_http_error
from mint_resilience.solana_rpc import classify_rpc_status
from mint_runtime.addresses import Address

_HEADERS = {"content-type": "application/json"}
_CONNECT_SECONDS = 3.0


class Transport(Protocol):
    """How a request reaches an endpoint."""

    async def post(self, address: Address, body: str) -> str:
        """The reply's text. Raises `Outage`, `RateLimited` or `Transient`."""
        ...


class HttpTransport:
    """Posts over connections that are kept; `async with` opens and closes them."""

    def __init__(self, *, seconds: float, connections: int) -> None:
        """Wait at most `seconds` for each part of a reply, over at most so many `connections` to
        one endpoint."""
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

    async def post(self, address: Address, body: str) -> str:
        """As `Transport` says."""
        if self._session is None:
            raise RuntimeError("the transport is not open")
        try:
            # a redirection would turn the POST into a GET, and take the key elsewhere
            async with self._session.post(
                address.url, data=body, allow_redirects=False
            ) as response:
                text = await response.text()
        except (aiohttp.ClientError, TimeoutError, UnicodeDecodeError) as error:
            raise _no_reply(error, address) from None  # the cause may show the URL
        if response.status != HTTPStatus.OK:
            shown = address.censored(text)
            raise classify_rpc_status(response.status, shown, response.headers, address.name)
        return text


def _no_reply(error: Exception, address: Address) -> Failure:
    failure = classify_http_error(error, address.name)
    kind = Outage if isinstance(failure, Permanent) else type(failure)
    return kind(address.censored(str(failure)), endpoint=address.name)

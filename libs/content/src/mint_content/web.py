"""A file from the web, fetched for somebody who may want us to look inside our own network (IP-6).

The host is resolved once, every address is judged, and the connection goes to an address that was
judged: what the name means a moment later does not matter. Each redirect is a new URL and is judged
anew. Proxies of the environment are not used, for they would resolve by themselves.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

import httpx

from mint_content.public_address import Address, is_public
from mint_resilience.failures import Degraded, Outage, Permanent, Transient
from mint_resilience.http import http_failures, raise_for_status

_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")

Resolve = Callable[[str], Awaitable[Sequence[Address]]]
"""Gives the addresses of a host name; raises `Outage` when it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPolicy:
    """What may be fetched; `size_limit` in bytes, `time_limit` in seconds for all of it.

    `allowed_hosts` (`host`, or `host:port` for another port than the scheme's) are fetched from
    whatever their addresses are.
    """

    size_limit: int
    time_limit: float = 20.0
    redirects: int = 3
    schemes: tuple[str, ...] = ("https",)
    allowed_hosts: tuple[str, ...] = ()


async def system_resolve(host: str) -> Sequence[Address]:
    """Ask the system's resolver; raises `Outage` when it knows no address."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Outage(f"{host}: has no address: {error}", endpoint=host) from error
    return [ip_address(str(place[0]).partition("%")[0]) for *_, place in found]


class WebFetcher:
    """Fetches files by URL. The HTTP client is made by `web_client`; the caller closes it."""

    def __init__(
        self, client: httpx.AsyncClient, policy: WebPolicy, resolve: Resolve = system_resolve
    ) -> None:
        self._client = client
        self._policy = policy
        self._resolve = resolve

    def up_to(self, size_limit: int) -> WebFetcher:
        """The same for files of at most so many bytes."""
        policy = replace(self._policy, size_limit=size_limit)
        return WebFetcher(self._client, policy, self._resolve)

    async def fetch(self, url: str) -> bytes:
        """The bytes behind a URL.

        Raises `Permanent` for what is not allowed, too large or not there, `Degraded` when it takes
        too long, else the failure of the exchange.
        """
        try:
            async with asyncio.timeout(self._policy.time_limit):
                return await self._follow(url)
        except TimeoutError as error:
            message = f"{url}: took longer than {self._policy.time_limit:g} s"
            raise Degraded(message, endpoint=url) from error

    async def _follow(self, url: str) -> bytes:
        target = self._parse(url)
        for _ in range(self._policy.redirects + 1):
            answer = await self._get(target)
            if isinstance(answer, bytes):
                return answer
            target = self._parse(str(answer))
        raise Permanent(f"{url}: more than {self._policy.redirects} redirects", endpoint=url)

    def _parse(self, url: str) -> httpx.URL:
        """Judge a URL by itself."""
        try:
            target = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise Permanent(f"{url!r} is not a URL: {error}") from error
        if target.scheme not in self._policy.schemes:
            allowed = " or ".join(self._policy.schemes)
            raise Permanent(f"{url}: only {allowed} is fetched", endpoint=url)
        if not _HOST.fullmatch(_host(target)) or target.userinfo:
            raise Permanent(
                f"{url}: a plain host is needed, without user and password", endpoint=url
            )
        if target.port is not None and not self._is_allowed(target):
            raise Permanent(f"{url}: only the scheme's own port is fetched from", endpoint=url)
        return target

    def _is_allowed(self, target: httpx.URL) -> bool:
        """Whether the operator has named the host; `port` is None for the scheme's own."""
        host = _host(target)
        return (
            host if target.port is None else f"{host}:{target.port}"
        ) in self._policy.allowed_hosts

    async def _get(self, target: httpx.URL) -> bytes | httpx.URL:
        """The body, or where it is said to be."""
        request = self._request(target, await self._judged_address(target))
        with http_failures(str(target)):
            response = await self._client.send(request, stream=True)
            try:
                if response.has_redirect_location:
                    return target.join(response.headers["location"])
                raise_for_status(response, str(target))
                return await self._read(target, response)
            finally:
                await response.aclose()

    async def _judged_address(self, target: httpx.URL) -> Address:
        host = _host(target)
        addresses = await self._addresses(host)
        if not addresses:
            raise Outage(f"{host}: has no address", endpoint=host)
        if not self._is_allowed(target) and not all(map(is_public, addresses)):
            message = f"{target}: leads to an address that is not on the public Internet"
            raise Permanent(message, endpoint=str(target))
        return addresses[0]

    async def _addresses(self, host: str) -> Sequence[Address]:
        try:
            return [ip_address(host)]
        except ValueError:
            return await self._resolve(host)

    def _request(self, target: httpx.URL, address: Address) -> httpx.Request:
        """Connect to the address, speak of the host: in `Host`, and in TLS's name and check."""
        return self._client.build_request(
            "GET",
            target.copy_with(host=str(address)),
            headers={
                "Host": target.netloc.decode("ascii"),
                "Accept": "image/*, video/mp4",
                "Accept-Encoding": "identity",
            },
            extensions={"sni_hostname": _host(target)},
        )

    async def _read(self, target: httpx.URL, response: httpx.Response) -> bytes:
        """The body as it is sent: what is packed could be far larger than it looks."""
        if response.headers.get("content-encoding", "identity") != "identity":
            raise Permanent(f"{target}: sent in an encoding that was not asked for")
        body = bytearray()
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > self._policy.size_limit:
                limit = self._policy.size_limit
                raise Permanent(f"{target}: longer than {limit} bytes", endpoint=str(target))
        if not body:
            raise Transient(f"{target}: an empty body", endpoint=str(target))
        return bytes(body)


def _host(target: httpx.URL) -> str:
    """The host as DNS knows it."""
    return target.raw_host.decode("ascii")


def trust(ca_path: Path | None = None) -> ssl.SSLContext:
    """Trust in the public CAs and in those of a file in PEM; raises `ssl.SSLError` for another."""
    context = httpx.create_ssl_context(trust_env=False)
    if ca_path is not None:
        context.load_verify_locations(ca_path)
    return context


def web_client(*, time_limit: float, verify: ssl.SSLContext | bool = True) -> httpx.AsyncClient:
    """A client without proxies, redirects or kept connections; `verify` may trust other CAs."""
    return httpx.AsyncClient(
        timeout=time_limit,
        trust_env=False,
        follow_redirects=False,
        verify=verify,
        limits=httpx.Limits(max_keepalive_connections=0),
    )

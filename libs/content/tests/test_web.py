"""A file from the web comes from where it should, within its limits, or not at all."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from aiohttp import web

from mint_content.public_address import Address
from mint_content.web import Resolve, WebFetcher, WebPolicy, system_resolve, web_client
from mint_resilience.failures import Degraded, Failure, Outage, Permanent, Transient

HOST = "images.example"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(1000)
CERTIFICATE = Path(__file__).with_name("images.example.pem")
"""Self-signed, with its key, for `images.example` alone; good for these tests and nothing else."""
INSIDE = "169.254.169.254"
OUTSIDE = "93.184.216.34"


def names(**addresses: str) -> Resolve:
    """A resolver that knows these hosts, and asks nobody."""

    async def resolve(host: str) -> Sequence[Address]:
        if host not in table:
            raise Outage(f"{host}: has no address")
        return [ip_address(address) for address in table[host].split()]

    table = {name.replace("_", "."): address for name, address in addresses.items()}
    return resolve


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def site(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A web server on loopback that answers every path so; gives its port."""
    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def fetcher(
    resolve: Resolve, verify: ssl.SSLContext | bool = True, **policy: object
) -> AsyncIterator[WebFetcher]:
    chosen = WebPolicy(**{"size_limit": 2000, **policy})  # type: ignore[arg-type] # by the test
    async with web_client(time_limit=5, verify=verify) as client:
        yield WebFetcher(client, chosen, resolve)


@asynccontextmanager
async def loopback(handler: Handler, **policy: object) -> AsyncIterator[tuple[WebFetcher, str]]:
    """A fetcher that may reach a server here under a name, and that server's URL."""
    async with site(handler) as port:
        allowed = {"schemes": ("http",), "allowed_hosts": (f"{HOST}:{port}",)}
        resolve = names(images_example="127.0.0.1")
        async with fetcher(resolve, verify=True, **{**allowed, **policy}) as fetch:
            yield fetch, f"http://{HOST}:{port}"


async def image(_: web.Request) -> web.StreamResponse:
    return web.Response(body=PNG)


@pytest.mark.requirement("IP-6")
async def test_a_file_is_fetched_from_the_address_and_asked_for_by_the_name() -> None:
    hosts = []

    async def answer(request: web.Request) -> web.StreamResponse:
        hosts.append(request.host)
        return web.Response(body=PNG)

    async with loopback(answer) as (fetch, url):
        assert await fetch.fetch(f"{url}/a.png?size=large") == PNG
        assert hosts == [url.removeprefix("http://")]


@pytest.mark.requirement("IP-6")
@pytest.mark.parametrize("host", [HOST, "other.example"])
async def test_the_certificate_has_to_be_the_hosts_and_not_the_addresss(host: str) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(CERTIFICATE)
    resolve = names(images_example="127.0.0.1", other_example="127.0.0.1")
    async with site(image, tls) as port:
        allowed = (f"{host}:{port}",)
        trusting = ssl.create_default_context(cafile=CERTIFICATE)
        async with fetcher(resolve, trusting, allowed_hosts=allowed) as fetch:
            if host == HOST:
                assert await fetch.fetch(f"https://{host}:{port}/") == PNG
            else:
                with pytest.raises(Outage, match="certificate verify failed"):
                    await fetch.fetch(f"https://{host}:{port}/")


@pytest.mark.requirement("IP-6")
@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://images.example/", "only https"),
        ("ftp://images.example/", "only https"),
        ("https://user:password@images.example/", "plain host"),
        ("https://images.example:8443/", "own port"),
        ("https:///a.png", "plain host"),
        ("https://[::1]/", "not on the public Internet"),
        ("https://127.0.0.1/", "not on the public Internet"),
        ("https://[::ffff:169.254.169.254]/", "not on the public Internet"),
        ("https://[bad/", "plain host"),
        ("https://images.example:port/", "not a URL"),
        ("https://inside.example/", "not on the public Internet"),
        ("https://both.example/", "not on the public Internet"),
    ],
)
async def test_a_url_that_is_not_to_be_fetched_is_refused_before_any_connection(
    url: str, why: str
) -> None:
    resolve = names(inside_example=INSIDE, both_example=f"{OUTSIDE} {INSIDE}")
    async with fetcher(resolve) as fetch:
        with pytest.raises(Permanent, match=why):
            await fetch.fetch(url)


@pytest.mark.requirement("IP-6")
@pytest.mark.parametrize("disguised", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1"])
async def test_numbers_that_the_system_reads_as_an_address_are_judged_as_one(
    disguised: str,
) -> None:
    async with fetcher(system_resolve) as fetch:
        with pytest.raises((Permanent, Outage)):
            await fetch.fetch(f"https://{disguised}/")


@pytest.mark.requirement("IP-6")
async def test_a_name_that_changes_its_address_after_it_was_judged_gains_nothing() -> None:
    """DNS rebinding: the second answer is never asked for, the first is what is connected to."""
    answers = iter([[ip_address(OUTSIDE)], [ip_address("127.0.0.1")]])
    asked = []

    async def rebinding(host: str) -> Sequence[Address]:
        asked.append(host)
        return next(answers)

    connected = []

    async def network(request: httpx.Request) -> httpx.Response:
        connected.append((request.url.host, request.headers["host"]))
        return httpx.Response(200, stream=httpx.ByteStream(PNG))

    async with httpx.AsyncClient(transport=httpx.MockTransport(network)) as client:
        fetch = WebFetcher(client, WebPolicy(size_limit=2000), rebinding)
        assert await fetch.fetch(f"https://{HOST}/") == PNG
        with pytest.raises(Permanent, match="not on the public Internet"):
            await fetch.fetch(f"https://{HOST}/")

    assert asked == [HOST, HOST]
    assert connected == [(OUTSIDE, HOST)]


def redirecting(location: str) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/image":
            return web.Response(body=PNG)
        return web.Response(status=302, headers={"Location": location})

    return answer


@pytest.mark.requirement("IP-6")
async def test_a_redirect_is_followed_relative_to_where_it_was_given() -> None:
    async with loopback(redirecting("/image")) as (fetch, url):
        assert await fetch.fetch(f"{url}/old/place") == PNG


@pytest.mark.requirement("IP-6")
@pytest.mark.parametrize(
    ("location", "why"),
    [
        (f"http://{INSIDE}/latest/meta-data", "not on the public Internet"),
        ("http://127.0.0.1/", "not on the public Internet"),
        ("file:///etc/passwd", "only http"),
        ("http://[", "plain host"),
        ("/again", "more than 3 redirects"),
    ],
)
async def test_a_redirect_is_judged_like_the_first_url(location: str, why: str) -> None:
    async with loopback(redirecting(location)) as (fetch, url):
        with pytest.raises(Permanent, match=why):
            await fetch.fetch(f"{url}/start")


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(bytes(1000))


async def silent(_: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise web.HTTPOk


async def packed(_: web.Request) -> web.StreamResponse:
    response = web.Response(body=bytes(10_000))
    response.enable_compression(web.ContentCoding.gzip)
    response.headers["Content-Encoding"] = "gzip"
    return response


async def empty(_: web.Request) -> web.StreamResponse:
    return web.Response()


async def missing(_: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound


async def broken(_: web.Request) -> web.StreamResponse:
    raise web.HTTPBadGateway


@pytest.mark.requirement("IP-6")
@pytest.mark.parametrize(
    ("handler", "failure", "why"),
    [
        (endless, Permanent, "longer than 2000 bytes"),
        (silent, Degraded, "longer than 0.2 s"),
        (packed, Permanent, "encoding"),
        (empty, Transient, "empty"),
        (missing, Permanent, "404"),
        (broken, Transient, "502"),
    ],
)
async def test_an_answer_beyond_the_limits_is_refused(
    handler: Handler, failure: type[Failure], why: str
) -> None:
    limit = 0.2 if handler is silent else 5.0
    async with loopback(handler, time_limit=limit) as (fetch, url):
        with pytest.raises(failure, match=why):
            await fetch.fetch(f"{url}/")


async def test_a_host_without_an_address_may_have_one_later() -> None:
    async with fetcher(names()) as fetch:
        with pytest.raises(Outage):
            await fetch.fetch(f"https://{HOST}/")
    with pytest.raises(Outage, match="no address"):
        await system_resolve("name.invalid")

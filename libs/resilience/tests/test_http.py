"""Every way in which HTTP fails has one place in the failure tree."""

import socket

import httpx
import pytest

from mint_resilience.failures import Conflict, Failure, Outage, Permanent, RateLimited, Transient
from mint_resilience.http import (
    classify_http_error,
    classify_http_status,
    http_failures,
    raise_for_status,
    retry_after,
)

URL = "https://pinata.example"


@pytest.mark.requirement("NR-1")
@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (400, Permanent),
        (401, Permanent),
        (404, Permanent),
        (408, Transient),
        (409, Conflict),
        (425, Transient),
        (429, RateLimited),
        (500, Transient),
        (503, Transient),
        (302, Transient),
    ],
)
def test_a_status_has_its_class(status: int, failure: type[Failure]) -> None:
    result = classify_http_status(httpx.Response(status, text="because"), URL)

    assert type(result) is failure
    assert result.endpoint == URL
    assert str(result) == f"{URL}: HTTP {status} because"


@pytest.mark.requirement("NR-1")
@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (httpx.ConnectError("refused"), Outage),
        (httpx.ConnectTimeout("slow"), Transient),
        (httpx.ReadTimeout("slow"), Transient),
        (httpx.RemoteProtocolError("disconnected"), Transient),
        (httpx.UnsupportedProtocol("ftp"), Permanent),
        (httpx.InvalidURL("no"), Permanent),
    ],
)
def test_an_exchange_without_an_answer_has_its_class(
    error: httpx.HTTPError, failure: type[Failure]
) -> None:
    assert type(classify_http_error(error, URL)) is failure


def test_a_status_error_is_classified_by_its_status() -> None:
    response = httpx.Response(429, request=httpx.Request("GET", URL))
    error = httpx.HTTPStatusError("too many", request=response.request, response=response)

    assert isinstance(classify_http_error(error, URL), RateLimited)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        (
            {
                "retry-after": "Wed, 21 Oct 2026 07:28:30 GMT",
                "date": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            30.0,
        ),
        (
            {
                "retry-after": "Wed, 21 Oct 2026 07:28:00 GMT",
                "date": "Wed, 21 Oct 2026 07:28:30 GMT",
            },
            0.0,
        ),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_the_wish_for_patience_is_read(headers: dict[str, str], seconds: float | None) -> None:
    response = httpx.Response(429, headers=headers)

    assert retry_after(response) == seconds
    failure = classify_http_status(response, URL)
    assert isinstance(failure, RateLimited)
    assert failure.retry_after == seconds


def test_success_raises_nothing() -> None:
    raise_for_status(httpx.Response(204), URL)


async def test_a_refused_connection_is_an_outage() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        async with httpx.AsyncClient() as client:
            with pytest.raises(Outage, match="next endpoint") as raised, http_failures(url):
                await client.get(url)

    assert raised.value.endpoint == url

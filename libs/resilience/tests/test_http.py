"""Every way in which HTTP fails has one place in the failure tree."""

import socket
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mint_resilience.backoff import TRANSIENT, retry
from mint_resilience.failures import Conflict, Failure, Outage, Permanent, RateLimited, Transient
from mint_resilience.http import (
    MOST_PATIENCE,
    classify_http_error,
    classify_http_status,
    http_failures,
    patience,
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
        (
            {
                "retry-after": "Wed, 21 Oct 2026 07:28:30 -0000",
                "date": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            30.0,
        ),
        (
            {
                "retry-after": "Wed, 21 Oct 2026 09:28:30 +0200",
                "date": "Wed, 21 Oct 2026 07:28:00 -0000",
            },
            30.0,
        ),
        ({"retry-after": " 0.5 "}, 0.5),
        ({"retry-after": "9" * 400}, MOST_PATIENCE),
        (
            {
                "retry-after": "Fri, 31 Dec 9999 23:59:59 GMT",
                "date": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            MOST_PATIENCE,
        ),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "Wed, 99 Oct 99999999999999999999 07:28:00 GMT"}, None),
        ({}, None),
    ],
)
def test_the_wish_for_patience_is_read(headers: dict[str, str], seconds: float | None) -> None:
    response = httpx.Response(429, headers=headers)

    assert retry_after(response) == seconds
    failure = classify_http_status(response, URL)
    assert isinstance(failure, RateLimited)
    assert failure.retry_after == seconds


@pytest.mark.requirement("NR-1")
def test_a_date_is_measured_by_our_clock_where_the_answer_has_none() -> None:
    headers = {"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}
    now = datetime(2026, 10, 21, 7, 28, 0, tzinfo=UTC)

    assert patience(headers, now=lambda: now) == 30.0
    assert patience({**headers, "date": "today"}, now=lambda: now) == 30.0
    assert patience({"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}) == 0.0, "our clock by default"


@pytest.mark.requirement("NR-1")
@given(st.text(alphabet=st.characters(max_codepoint=255)), st.text())
def test_no_header_that_a_server_may_send_raises(wish: str, date: str) -> None:
    seconds = patience({"retry-after": wish, "date": date})
    assert seconds is None or 0.0 <= seconds <= MOST_PATIENCE


@pytest.mark.requirement("NR-1")
async def test_a_server_that_is_unavailable_for_so_long_is_not_asked_before() -> None:
    """503 with `Retry-After: 90` is tried again, not sooner than in 90 s."""
    response = httpx.Response(503, headers={"retry-after": "90"})
    failures = [classify_http_status(response, URL)]
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def ask() -> str:
        if failures:
            raise failures.pop()
        return "done"

    assert await retry(ask, TRANSIENT, sleep=sleep) == "done"
    assert slept == [90.0]


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

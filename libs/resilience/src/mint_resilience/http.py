"""What an HTTP exchange says, in the terms of the failure tree (NR-1).

Sources: RFC 9110 (statuses, Retry-After), RFC 6585 (429), httpx's and aiohttp's trees of
exceptions; httpx2 has httpx's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

import httpx

from mint_resilience.classification import nearest
from mint_resilience.failures import (
    Conflict,
    Failure,
    Outage,
    Permanent,
    RateLimited,
    Transient,
)

STATUSES: Mapping[int, type[Failure]] = {
    408: Transient,
    409: Conflict,
    425: Transient,
    429: RateLimited,
}
"""Statuses whose class is not that of their hundred."""

HUNDREDS: Mapping[int, type[Failure]] = {
    1: Transient,
    3: Transient,
    4: Permanent,
    5: Transient,
}

EXCEPTIONS: Mapping[str, type[Failure]] = {
    "ConnectError": Outage,  # httpx: refused, no such host
    "ClientConnectorError": Outage,  # aiohttp: the same, and TLS that does not come about
    "InvalidURL": Permanent,
    "UnsupportedProtocol": Permanent,
    "NonHttpUrlClientError": Permanent,
}
"""What an exchange without an answer means; all that is not named is a lost reply: `Transient`."""

_ADVICE: Mapping[type[Failure], str] = {
    Outage: "try the next endpoint",
    Permanent: "correct the address",
    Transient: "whether it took effect is unknown",
}
_BODY_SHOWN = 200
_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")  # whole ones by the RFC; some servers are more exact

MOST_PATIENCE = 24 * 3600.0
"""Seconds; who asks us to wait for longer than a day is asked again by then."""

Now = Callable[[], datetime]


def _now() -> datetime:
    return datetime.now(UTC)


class Response(Protocol):
    """What is read of a client's response."""

    @property
    def status_code(self) -> int:
        """The status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by names in any case."""

    @property
    def text(self) -> str:
        """The body."""


def classify_http_error(error: Exception, endpoint: str) -> Failure:
    """Say what an exchange that gave no whole answer means, in whichever client.

    Nobody listened or no such host: `Outage`. An address that no request can be made for:
    `Permanent`. Everything else is a lost reply, which says nothing about the effect: `Transient`.
    """
    if isinstance(error, httpx.HTTPStatusError):
        return classify_http_status(error.response, endpoint)
    failure = nearest(error, EXCEPTIONS, Transient)
    told = f"{endpoint}: {type(error).__name__} {error}".rstrip()
    return failure(f"{told}; {_ADVICE[failure]}", endpoint=endpoint)


def status_class(status: int) -> type[Failure]:
    """The class of an answer whose status is no success."""
    return STATUSES.get(status) or HUNDREDS.get(status // 100, Transient)


def classify_http_status(response: Response, endpoint: str) -> Failure:
    """Say what an answer with an error status means; its body's beginning goes into the message."""
    failure = status_class(response.status_code)
    message = f"{endpoint}: HTTP {response.status_code} {_beginning(response)}".rstrip()
    if failure is RateLimited or failure is Transient:
        return failure(message, endpoint=endpoint, retry_after=retry_after(response))
    return failure(message, endpoint=endpoint)


def raise_for_status(response: httpx.Response, endpoint: str) -> None:
    """Raise the classified failure when the status is not a success (2xx)."""
    if not response.is_success:
        raise classify_http_status(response, endpoint)


@contextmanager
def http_failures(endpoint: str) -> Iterator[None]:
    """Turn httpx's exceptions inside the block into failures that name the endpoint."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise classify_http_error(error, endpoint) from error


def retry_after(response: Response) -> float | None:
    """Seconds the other side wants us to wait, or None when it did not say.

    A date is measured against the answer's own `Date`, so that clocks need not agree, or against
    ours when it has none. It is never more than `MOST_PATIENCE`.
    """
    return patience(response.headers)


def patience(headers: Mapping[str, str], *, now: Now = _now) -> float | None:
    """As `retry_after`, of the headers (whose names may be in any case) alone."""
    wish = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(wish):
        return min(float(wish), MOST_PATIENCE)
    until = _date(wish)
    if until is None:
        return None
    sent = _date(headers.get("date", "")) or now()
    return min(max(0.0, (until - sent).total_seconds()), MOST_PATIENCE)


def _date(text: str) -> datetime | None:
    """An HTTP date; one without a zone (`-0000`) is in UTC (RFC 5322, 3.3)."""
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _beginning(response: Response) -> str:
    """The body's beginning; a body that was not read (a stream) has none."""
    return response.text[:_BODY_SHOWN] if hasattr(response, "_content") else ""

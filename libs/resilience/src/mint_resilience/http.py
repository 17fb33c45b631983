"""What an HTTP exchange says, in the terms of the failure tree (NR-1).

Sources: RFC 9110 (statuses, Retry-After) and httpx's tree of exceptions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime

import httpx

from mint_resilience.failures import (
    Conflict,
    Failure,
    Outage,
    Permanent,
    RateLimited,
    Transient,
)

_BODY_SHOWN = 200
_TRANSIENT_STATUSES = frozenset({408, 425})


def classify_http_error(error: httpx.HTTPError | httpx.InvalidURL, endpoint: str) -> Failure:
    """Say what an exchange that gave no whole answer means.

    Nobody listened or no such host: `Outage`. An address that no request can be made for:
    `Permanent`. Everything else is a lost reply, which says nothing about the effect: `Transient`.
    """
    message = f"{endpoint}: {type(error).__name__} {error}".rstrip()
    match error:
        case httpx.HTTPStatusError():
            return classify_http_status(error.response, endpoint)
        case httpx.ConnectError():
            return Outage(f"{message}; try the next endpoint", endpoint=endpoint)
        case httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return Permanent(f"{message}; correct the address", endpoint=endpoint)
        case _:
            return Transient(f"{message}; whether it took effect is unknown", endpoint=endpoint)


def classify_http_status(response: httpx.Response, endpoint: str) -> Failure:
    """Say what an answer with an error status means; its body's beginning goes into the message."""
    status = response.status_code
    message = f"{endpoint}: HTTP {status} {_beginning(response)}".rstrip()
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return RateLimited(message, endpoint=endpoint, retry_after=retry_after(response))
    if status == httpx.codes.CONFLICT:
        return Conflict(message, endpoint=endpoint)
    if httpx.codes.is_client_error(status) and status not in _TRANSIENT_STATUSES:
        return Permanent(message, endpoint=endpoint)
    return Transient(message, endpoint=endpoint)


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


def retry_after(response: httpx.Response) -> float | None:
    """Seconds the other side wants us to wait, or None when it did not say.

    A date is measured against the answer's own `Date`, so that no clock of ours is needed.
    """
    wish = response.headers.get("retry-after", "").strip()
    if wish.isdigit():
        return float(wish)
    until, sent = _date(wish), _date(response.headers.get("date", ""))
    return max(0.0, (until - sent).total_seconds()) if until and sent else None


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None


def _beginning(response: httpx.Response) -> str:
    """The body's beginning; a body that was not read (a stream) has none."""
    return response.text[:_BODY_SHOWN] if hasattr(response, "_content") else ""

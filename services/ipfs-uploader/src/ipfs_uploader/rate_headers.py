"""What a provider says about its rate limit in headers, heeded before the next call is made.

Source: Pinata's `X-RateLimit-Limit`, `-Remaining` and `-Reset`. How the last one counts is not
documented: a large number is read as a time (Unix seconds), a small one as seconds from now.
"""

from __future__ import annotations

from collections.abc import Callable

import httpx

from mint_resilience.failures import RateLimited

_UNIX_SECONDS_FROM = 10**9


class RateHeaders:
    """One account's limit; `now` gives Unix seconds."""

    def __init__(self, endpoint: str, now: Callable[[], float]) -> None:
        self._endpoint = endpoint
        self._now = now
        self._resumes = 0.0

    def require_room(self) -> None:
        """Raise `RateLimited` while the present window is used up."""
        wait = self._resumes - self._now()
        if wait > 0:
            message = f"{self._endpoint}: its rate limit is used up; wait {wait:.0f} s"
            raise RateLimited(message, endpoint=self._endpoint, retry_after=wait)

    def heed(self, response: httpx.Response) -> None:
        """Remember what an answer says."""
        remaining = response.headers.get("x-ratelimit-remaining")
        reset = response.headers.get("x-ratelimit-reset", "")
        if remaining != "0" or not reset.isdigit():
            return
        seconds = float(reset)
        begins = 0.0 if seconds >= _UNIX_SECONDS_FROM else self._now()
        self._resumes = begins + seconds

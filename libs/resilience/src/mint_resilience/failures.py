"""The one tree of failures: what an outside system did to us, and so what to do about it.

```
Failure
├── Transient    time-out, 5xx, dropped connection   back off and try again
│   └── Deferred         nothing was tried           wait durably; it counts as no attempt
│       ├── AllUnavailable   every endpoint's breaker is open, or lags
│       └── BudgetExhausted  the mint has had its share of retries for now
├── RateLimited  429 and its RPC kin                 try again when the other side says
├── Degraded     slower than its limit               the breaker counts it, try again
├── Outage       refused, DNS                        next endpoint at once
├── Permanent    other 4xx, invalid input            no retry: the answer is final
├── Conflict     the effect exists, or differs       look at the layer, then decide
└── Poison       the record can not be understood    dead letter, the partition goes on
```

A lost reply says nothing about the effect (`Transient`, never `Permanent`): unknown is not failed.
"""

from __future__ import annotations

from typing import ClassVar


class Failure(Exception):  # noqa: N818 - "failure" is the term; an error is what a program has
    """Something outside did not do what it was asked.

    The message says what happened, to what, and what to do. `endpoint` is the URL or name of
    the other side, where there is one.
    """

    kind: ClassVar[str] = "failure"

    def __init__(self, message: str, *, endpoint: str | None = None) -> None:
        super().__init__(message)
        self.endpoint = endpoint


class Transient(Failure):
    """It may work in a moment: a time-out, a 5xx, a dropped connection.

    `retry_after` are the seconds that the other side asks us to wait, where it does (HTTP 503).
    """

    kind = "transient"

    def __init__(
        self, message: str, *, endpoint: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, endpoint=endpoint)
        self.retry_after = retry_after


class Deferred(Transient):
    """Not now, and it says nothing about the work: wait where waiting is durable, then do it again.

    It is never counted as an attempt (NR-3). `retry_after` are the seconds after which it may go
    on, where that is known.
    """

    kind = "deferred"


class AllUnavailable(Deferred):
    """No endpoint may be asked now, so none was: breakers are open, or endpoints lag."""

    kind = "unavailable"


class BudgetExhausted(Deferred):
    """The mint has used up what nested retries share (NR-4); the cause is the last failure."""

    kind = "exhausted"


class RateLimited(Failure):
    """The other side asks for patience; `retry_after` is its wish in seconds, if it gave one."""

    kind = "rate_limited"

    def __init__(
        self, message: str, *, endpoint: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, endpoint=endpoint)
        self.retry_after = retry_after


class Degraded(Failure):
    """An answer came, but later than its limit."""

    kind = "degraded"


class Outage(Failure):
    """Nobody is there: refused, or no such host. The next endpoint may be asked at once."""

    kind = "outage"


class Permanent(Failure):
    """The answer is final; asking again gives the same one."""

    kind = "permanent"


class Conflict(Failure):
    """The effect is there already, or another one is in its place."""

    kind = "conflict"


class Poison(Failure):
    """A record that nobody can work on: not decodable, or of an unknown schema."""

    kind = "poison"

"""Content fetched through several IPFS gateways, with what each of them did (IP-4).

A status of 200 is no evidence of content, so a wrong body counts as that gateway's failure. Each
gateway has its breaker: one that keeps failing is passed over until a probe of it succeeds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlsplit

import httpx

from mint_content.accepted import LARGEST_BYTES
from mint_content.cid import Cid
from mint_content.download import Download
from mint_content.web import Resolve, system_resolve
from mint_resilience.breaker import BreakerPolicy
from mint_resilience.endpoint import Endpoint, Observer
from mint_resilience.endpoints import Answer, Answered, EndpointPool, Failed
from mint_resilience.failures import AllUnavailable, Deferred, Failure, Permanent, Transient
from mint_resilience.hosts import host_of

DEPENDENCY = "ipfs-gateway"

DEFAULT_TIME_LIMIT = 30.0
"""Seconds that one gateway has for one whole answer."""

DEFAULT_SIZE_LIMIT = LARGEST_BYTES
"""Bytes of content; what is longer is cut off and refused."""

DEFAULT_AT_ONCE = 32
"""Contents that one pool fetches at the same time."""


@dataclass(frozen=True, slots=True)
class GatewayOutcome:
    """What one gateway did: seconds it took, the verified bytes' count, or its failure."""

    endpoint: str
    latency: float
    size: int = 0
    failure: Failure | None = None

    @property
    def good(self) -> bool:
        """Whether the right bytes came."""
        return self.failure is None


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Verified content, and what each gateway that was asked for it did."""

    data: bytes
    outcomes: tuple[GatewayOutcome, ...]


class NotRetrieved(Transient):
    """No gateway gave the right bytes.

    Whether the content exists is unknown, unless the answer of every gateway is `final`.
    """

    def __init__(self, cid: Cid, outcomes: tuple[GatewayOutcome, ...]) -> None:
        told = "; ".join(str(outcome.failure) for outcome in outcomes) or "no gateway is set"
        super().__init__(f"{cid} could not be retrieved: {told}")
        self.outcomes = outcomes

    @property
    def final(self) -> bool:
        """Whether every gateway answered, and none would answer otherwise if asked again."""
        failures = [outcome.failure for outcome in self.outcomes]
        return bool(failures) and all(isinstance(failure, Permanent) for failure in failures)


class GatewayPool:
    """Gateways in order of preference, by base URL (`https://ipfs.io`).

    The HTTP client is the caller's, who also closes it. `policy` is that of each gateway's breaker;
    `observer` is told what the gateways do, as this `dependency`, by their names. A pool that is
    not `trustless` asks as a browser or a wallet does.

    No more than `at_once` contents are fetched at the same time. The others wait here: the work of
    the HTTP client's pool grows with the square of who waits there, and no time limit runs here.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        urls: Sequence[str],
        *,
        time_limit: float = DEFAULT_TIME_LIMIT,
        size_limit: int = DEFAULT_SIZE_LIMIT,
        clock: Callable[[], float] = time.monotonic,
        policy: BreakerPolicy | None = None,
        observer: Observer | None = None,
        dependency: str = DEPENDENCY,
        at_once: int = DEFAULT_AT_ONCE,
        trustless: bool = True,
        resolve: Resolve = system_resolve,
    ) -> None:
        self._room = asyncio.Semaphore(at_once)
        self.urls = tuple(dict.fromkeys(url.rstrip("/") for url in urls))
        self._clock = clock
        self._pool = EndpointPool(
            dependency,
            [
                Endpoint(
                    name=gateway_name(url),
                    target=Download(client, url, time_limit, size_limit, trustless, resolve),
                    priority=place,
                )
                for place, url in enumerate(self.urls)
            ],
            clock=clock,
            policy=policy,
            observer=observer,
            time_limit=None,  # a download has its own
        )

    async def fetch(self, cid: Cid) -> Retrieval:
        """Ask one gateway after the other until the right bytes come.

        Raises `NotRetrieved`, with every gateway's outcome, when none has them, and
        `AllUnavailable` when none could be asked now.
        """
        if not self.urls:
            raise NotRetrieved(cid, ())
        outcomes: list[GatewayOutcome] = []
        try:
            async with self._room:
                data = await self._pool.call(
                    lambda download: self._ask(download, cid, outcomes), failover=(Failure,)
                )
        except AllUnavailable:
            raise
        except Failure as failure:
            raise NotRetrieved(cid, (*outcomes, *self._passed_over(outcomes))) from failure
        return Retrieval(data, tuple(outcomes))

    async def ask_each(self, cid: Cid) -> tuple[GatewayOutcome, ...]:
        """Ask all gateways at the same time; one outcome each, in the pool's order."""
        async with self._room:
            answers = await self._pool.ask_each(lambda download: download.file(cid))
        urls = {gateway_name(url): url for url in self.urls}
        return tuple(_outcome(urls[answer.endpoint], answer) for answer in answers)

    async def _ask(self, download: Download, cid: Cid, outcomes: list[GatewayOutcome]) -> bytes:
        started = self._clock()
        try:
            data = await download.file(cid)
        except Failure as failure:
            seconds = self._clock() - started
            outcomes.append(GatewayOutcome(download.url, seconds, failure=failure))
            raise
        outcomes.append(GatewayOutcome(download.url, self._clock() - started, len(data)))
        return data

    def _passed_over(self, outcomes: Sequence[GatewayOutcome]) -> list[GatewayOutcome]:
        """An outcome for each gateway that was not asked: it has denied nothing."""
        asked = {outcome.endpoint for outcome in outcomes}
        return [_not_asked(url) for url in self.urls if url not in asked]


def gateway_name(url: str) -> str:
    """What a gateway is called: its host. Of all else, which may be a key, there is only a mark."""
    address = urlsplit(url)
    host = address.netloc.rpartition("@")[2]
    if url == f"{address.scheme}://{host}":
        return host
    return f"{host}~{sha256(url.encode()).hexdigest()[:6]}"


def _outcome(url: str, answer: Answer[bytes]) -> GatewayOutcome:
    if isinstance(answer, Answered):
        return GatewayOutcome(url, answer.seconds, len(answer.value))
    if isinstance(answer, Failed):
        return GatewayOutcome(url, answer.seconds, failure=answer.failure)
    return _not_asked(url)


def _not_asked(url: str) -> GatewayOutcome:
    host = host_of(url)
    failure = Deferred(f"{host}: not asked, for it kept failing or wants patience", endpoint=host)
    return GatewayOutcome(url, 0.0, failure=failure)

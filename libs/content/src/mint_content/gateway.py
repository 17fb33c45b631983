"""Content fetched through several IPFS gateways, with what each of them did (IP-4).

A status of 200 is no evidence of content, so a wrong body counts as that gateway's failure.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx

from mint_content.cid import Cid
from mint_content.download import Download
from mint_resilience.failures import Failure, Permanent, Transient

DEFAULT_TIME_LIMIT = 30.0
"""Seconds that one gateway has for one whole answer."""

DEFAULT_SIZE_LIMIT = 32 * 1024 * 1024
"""Bytes of content; what is longer is cut off and refused."""


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

    The HTTP client is the caller's, who also closes it.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        urls: Sequence[str],
        *,
        time_limit: float = DEFAULT_TIME_LIMIT,
        size_limit: int = DEFAULT_SIZE_LIMIT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self.urls = tuple(url.rstrip("/") for url in urls)
        self._time_limit = time_limit
        self._size_limit = size_limit
        self._clock = clock

    async def fetch(self, cid: Cid) -> Retrieval:
        """Ask one gateway after the other until the right bytes come.

        Raises `NotRetrieved`, with every gateway's outcome, when none has them.
        """
        outcomes: list[GatewayOutcome] = []
        for url in self.urls:
            data, outcome = await self._ask(url, cid)
            outcomes.append(outcome)
            if data is not None:
                return Retrieval(data, tuple(outcomes))
        raise NotRetrieved(cid, tuple(outcomes))

    async def ask_each(self, cid: Cid) -> tuple[GatewayOutcome, ...]:
        """Ask all gateways at the same time; one outcome each, in the pool's order."""
        answers = await asyncio.gather(*(self._ask(url, cid) for url in self.urls))
        return tuple(outcome for _, outcome in answers)

    def _download(self, url: str) -> Download:
        return Download(self._client, url, self._time_limit, self._size_limit)

    async def _ask(self, url: str, cid: Cid) -> tuple[bytes | None, GatewayOutcome]:
        started = self._clock()
        try:
            data = await self._download(url).file(cid)
        except Failure as failure:
            return None, GatewayOutcome(url, self._clock() - started, failure=failure)
        return data, GatewayOutcome(url, self._clock() - started, len(data))

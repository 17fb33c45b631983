"""IPFS through gateways, each asked by itself, so that every one's answer is evidence."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import httpx

from mint_content.cid import Cid
from mint_content.gateway import DEPENDENCY, GatewayPool, NotRetrieved
from mint_resilience.breaker import BreakerPolicy
from mint_resilience.endpoint import Observer
from mint_resilience.failures import AllUnavailable, Permanent
from verifier.checks.ipfs import GatewayAnswer

PARTNER_GATEWAY = "partner-gateway"
"""What the gateways are, as a dependency, that are asked in a partner's place."""


class Gateways:
    """Gateways by base URL, in order of preference; the HTTP client is the caller's.

    Nothing is kept of what they answered: each answer is a gateway's own, and new. Those that are
    not `trustless` are asked as a browser or a wallet asks. `policy` is that of each gateway's
    breaker; `observer` is told what they do, as this `dependency`.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        urls: Sequence[str],
        *,
        timeout: float,
        trustless: bool = True,
        policy: BreakerPolicy | None = None,
        observer: Observer | None = None,
        dependency: str = DEPENDENCY,
    ) -> None:
        self._pools = {
            url: GatewayPool(
                client,
                [url],
                time_limit=timeout,
                trustless=trustless,
                policy=policy,
                observer=observer,
                dependency=dependency,
            )
            for url in urls
        }
        self.urls = tuple(urls)

    async def answer(self, url: str, cid: Cid) -> GatewayAnswer:
        """One gateway's content, or its statement that it has none.

        Raises the `Failure` that says neither: a time-out, an outage, bytes that are not the CID's.
        """
        answer = await self._ask(url, cid)
        if answer.failure is not None and not isinstance(answer.failure, Permanent):
            raise answer.failure
        return answer

    async def answers(self, cid: Cid) -> tuple[GatewayAnswer, ...]:
        """Every gateway's answer, asked side by side, in their order."""
        return tuple(await asyncio.gather(*(self._ask(url, cid) for url in self.urls)))

    async def _ask(self, url: str, cid: Cid) -> GatewayAnswer:
        try:
            retrieval = await self._pools[url].fetch(cid)
        except NotRetrieved as missing:
            return GatewayAnswer(url, None, missing.outcomes[0].failure)
        except AllUnavailable as waiting:  # its breaker is open: it has said nothing
            return GatewayAnswer(url, None, waiting)
        return GatewayAnswer(url, retrieval.data)

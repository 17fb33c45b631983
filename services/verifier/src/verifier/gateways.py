"""IPFS through gateways, each asked by itself, so that every one's answer is evidence."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import httpx

from mint_content.accepted import LARGEST_BYTES
from mint_content.cid import Cid
from mint_content.download import Download
from mint_content.gateway import DEPENDENCY
from mint_resilience.failures import Failure, Permanent
from mint_runtime.addresses import Address
from verifier.checks.ipfs import GatewayAnswer
from verifier.endpoints import Endpoints, Guards
from verifier.looks import look_failed

PARTNER_GATEWAY = "partner-gateway"
"""What the gateways are, as a dependency, that are asked in a partner's place."""


class Gateways:
    """Gateways in order of preference; the HTTP client is the caller's.

    Each has `seconds` for a whole answer. Nothing is kept of what they answered: each answer is a
    gateway's own, and new. Those that are not `trustless` are asked as a browser or a wallet asks.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        addresses: Sequence[Address],
        guards: Guards,
        *,
        seconds: float,
        dependency: str = DEPENDENCY,
        trustless: bool = True,
    ) -> None:
        def download(address: Address) -> Download:
            return Download(http, address.url, seconds, LARGEST_BYTES, trustless)

        self._endpoints = Endpoints(dependency, addresses, download, guards)
        self.names = self._endpoints.names

    async def answer(self, name: str, cid: Cid) -> GatewayAnswer:
        """One gateway's content, or its statement that it has none.

        Raises the `Failure` that says neither: a time-out, an outage, bytes that are not the CID's,
        and `AllUnavailable` when it may not be asked now.
        """
        try:
            content = await self._endpoints.ask(name, lambda gateway: gateway.file(cid))
        except Permanent as denial:
            return GatewayAnswer(name, None, denial)
        return GatewayAnswer(name, content)

    async def answers(self, cid: Cid) -> tuple[GatewayAnswer, ...]:
        """Every gateway's answer, asked side by side, in their order."""
        return tuple(await asyncio.gather(*(self._heard(name, cid) for name in self.names)))

    async def _heard(self, name: str, cid: Cid) -> GatewayAnswer:
        try:
            return await self.answer(name, cid)
        except Failure as failure:
            look_failed(failure, endpoint=name)
            return GatewayAnswer(name, None, failure)

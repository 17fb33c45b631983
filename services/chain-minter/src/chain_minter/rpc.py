"""One Solana RPC endpoint: a request in, its answer or a classified failure out.

solders types the requests and answers; the exchange is our own, because solana's `AsyncClient`
hands an error of a code it does not know (429 among them) to its caller as if it were the answer
(docs/decisions/json-rpc-of-our-own.md).
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from solders.errors import SerdeJSONError

from chain_minter.transport import Transport
from mint_resilience.failures import Transient
from mint_resilience.solana_rpc import Preflight, Refused, failure_in_reply
from mint_runtime.addresses import Address

A = TypeVar("A")


class Request(Protocol):
    """One of `solders.rpc.requests`."""

    def to_json(self) -> str:
        """The request as JSON-RPC."""
        ...


class Endpoint:
    """An RPC endpoint by its address."""

    def __init__(self, address: Address, transport: Transport) -> None:
        self.name = address.name
        self._address = address
        self._transport = transport

    async def ask(self, request: Request, answer: type[A]) -> A:
        """Ask once.

        Raises `Outage` (nobody there, no admittance, the node lags, or does not take the request),
        `RateLimited`, `Transient` (no whole answer: the effect is unknown) and `Refused`; none of
        them shows the endpoint's key, also where the reply does.
        """
        reply = await self._transport.post(self._address, request.to_json())
        failure = failure_in_reply(self._address.censored(reply), self.name)
        if failure is not None:
            raise failure
        return self._parsed(reply, answer)

    def _parsed(self, reply: str, answer: type[A]) -> A:
        try:
            parsed = answer.from_json(reply)  # type: ignore[attr-defined]  # every answer has it
        except SerdeJSONError as error:
            raise self._unusable(self._address.censored(str(error))) from None
        if isinstance(parsed, answer):
            return parsed
        raise self._unusable(f"{type(parsed).__name__} in place of {answer.__name__}")

    def _unusable(self, why: str) -> Transient:
        return Transient(f"{self.name}: an unusable answer ({why})", endpoint=self.name)


__all__ = ["Endpoint", "Preflight", "Refused", "Request"]

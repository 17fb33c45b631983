"""One Solana RPC endpoint: a request in, its answer or a classified failure out.

solders types the requests and answers; the exchange is our own, because solana's `AsyncClient`
hands an error of a code it does not know (429 among them) to its caller as if it were the answer,
and its own exceptions lose what `Retry-After` says (docs/decisions/json-rpc-of-our-own.md).
"""

from __future__ import annotations

from typing import Protocol, TypeVar

import httpx
from solders.errors import SerdeJSONError

from mint_resilience.failures import Outage, Permanent, Transient
from mint_resilience.http import http_failures
from mint_resilience.solana_rpc import classify_rpc_status, failure_in_reply
from mint_runtime.addresses import Address

A = TypeVar("A")

_HEADERS = {"content-type": "application/json"}


class Request(Protocol):
    """One of `solders.rpc.requests`."""

    def to_json(self) -> str:
        """The request as JSON-RPC."""
        ...


class RpcEndpoint:
    """An RPC endpoint by its address; the HTTP client is the caller's."""

    def __init__(self, address: Address, http: httpx.AsyncClient) -> None:
        self.name = address.name
        self._address = address
        self._http = http

    async def ask(self, request: Request, answer: type[A]) -> A:
        """Ask once.

        Raises what `mint_resilience.solana_rpc` makes of an error, and `Transient` for what is no
        answer: none of it says anything about the chain.
        """
        reply = await self._post(request.to_json())
        failure = failure_in_reply(reply, self.name)
        if failure is not None:
            # a failure shows a part of the reply, in which a part of the key could remain
            raise failure_in_reply(self._address.censored(reply), self.name) or failure
        return self._parsed(reply, answer)

    def require(self, answered: int, asked: int) -> None:
        """Raises `Transient` unless every question was answered."""
        if answered != asked:
            raise self._unusable(f"{answered} answers to {asked} questions")

    async def _post(self, body: str) -> str:
        try:
            with http_failures(self.name):
                # a redirection would turn the POST into a GET, and take the key elsewhere
                response = await self._http.post(
                    self._address.url, content=body, headers=_HEADERS, follow_redirects=False
                )
        except Permanent as failure:  # a URL that nothing can be asked at is the endpoint's matter
            raise Outage(str(failure), endpoint=self.name) from failure
        if response.status_code != httpx.codes.OK:
            told = self._address.censored(response.text)
            raise classify_rpc_status(response.status_code, told, response.headers, self.name)
        return response.text

    def _parsed(self, reply: str, answer: type[A]) -> A:
        try:
            parsed = answer.from_json(reply)  # type: ignore[attr-defined]  # every answer has it
        except SerdeJSONError as error:
            raise self._unusable(str(error)) from error
        if isinstance(parsed, answer):
            return parsed
        raise self._unusable(f"{type(parsed).__name__} in place of {answer.__name__}")

    def _unusable(self, why: str) -> Transient:
        return Transient(f"{self.name}: an unusable answer ({why})", endpoint=self.name)

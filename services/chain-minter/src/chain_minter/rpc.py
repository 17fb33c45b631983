"""One Solana RPC endpoint: a request in, its answer or a classified failure out.

solders types the requests and answers; the exchange is our own, because solana's `AsyncClient`
hands an error of a code it does not know (429 among them) to its caller as if it were the answer.

Sources: Solana's JSON-RPC documentation and Agave's `rpc_custom_error.rs` for the codes.
"""

from __future__ import annotations

from time import perf_counter
from typing import Protocol, TypeVar

from prometheus_client import Histogram
from solders.errors import SerdeJSONError
from solders.rpc import errors
from solders.rpc.errors import RpcCustomErrorFieldless

from chain_minter.transport import Transport
from mint_resilience.failures import Conflict, Failure, Outage, Permanent, RateLimited, Transient

A = TypeVar("A")

RPC_SECONDS = Histogram(
    "trimint_solana_rpc_seconds",
    "Duration of a call to a Solana RPC endpoint.",
    ["endpoint", "method", "outcome"],
)
_RATE_LIMITED_CODES = frozenset({429, -32429})
_PERMANENT_ERRORS = (
    errors.InvalidParamsMessage,
    errors.InvalidRequestMessage,
    errors.ParseErrorMessage,
    errors.UnsupportedTransactionVersionMessage,
)


class Refused(Conflict):
    """The node simulated the transaction and it failed: it was not sent on. Look at the chain."""


class Request(Protocol):
    """One of `solders.rpc.requests`."""

    def to_json(self) -> str:
        """The request as JSON-RPC."""
        ...


class Endpoint:
    """An RPC endpoint by its URL."""

    def __init__(self, url: str, transport: Transport) -> None:
        self.url = url
        self._transport = transport

    async def ask(self, request: Request, answer: type[A]) -> A:
        """Ask once.

        Raises `Outage` (nobody there, no admittance, or the node lags), `RateLimited`, `Transient`
        (no whole answer: the effect is unknown), `Permanent` (the request is wrong) and `Refused`.
        """
        started, outcome = perf_counter(), "ok"
        try:
            reply = await self._transport.post(self.url, request.to_json())
            return _parsed(reply, answer, self.url)
        except Failure as failure:
            outcome = failure.kind
            raise
        finally:
            labels = RPC_SECONDS.labels(self.url, type(request).__name__, outcome)
            labels.observe(perf_counter() - started)


def _parsed(raw: str, answer: type[A], url: str) -> A:
    try:
        parsed = answer.from_json(raw)  # type: ignore[attr-defined]  # every answer of solders has it
    except SerdeJSONError as error:
        raise Transient(f"{url}: the answer is no JSON-RPC ({error})", endpoint=url) from error
    if isinstance(parsed, answer):
        return parsed
    raise classify(parsed, url)


def classify(error: object, url: str) -> Failure:
    """Say what an error of JSON-RPC means, as solders parsed it: a message, or a bare code."""
    message = f"{url}: {getattr(error, 'message', None) or f'RPC error {error}'}"
    match error:
        case errors.SendTransactionPreflightFailureMessage():
            return Refused(f"{message}; {_last_log(error)}", endpoint=url)
        case errors.NodeUnhealthyMessage() | errors.MethodNotFoundMessage():
            return Outage(f"{message}; ask another endpoint", endpoint=url)
        case int() if error in _RATE_LIMITED_CODES:
            return RateLimited(message, endpoint=url)
        case RpcCustomErrorFieldless.TransactionSignatureVerificationFailure:
            return Permanent(message, endpoint=url)
    if isinstance(error, _PERMANENT_ERRORS):
        return Permanent(message, endpoint=url)
    return Transient(message, endpoint=url)


def _last_log(error: errors.SendTransactionPreflightFailureMessage) -> str:
    return next(reversed(error.data.logs or ()), "no logs")

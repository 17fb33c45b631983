"""From the text of a JSON-RPC request (or a batch of them) to the text of its answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from mint_sandbox.solana.ledger import Ledger
from mint_sandbox.solana.rpc.errors import (
    RpcError,
    invalid_params,
    invalid_request,
    method_not_found,
    parse_error,
)
from mint_sandbox.solana.rpc.params import Params

Method = Callable[[Ledger, Params], Any]
Call = Callable[[str, Params], Any]


def table(ledger: Ledger, methods: Mapping[str, Method]) -> Call:
    """Calls to these methods on that ledger; an unknown one raises RpcError."""

    def call(name: str, params: Params) -> Any:
        method = methods.get(name)
        if method is None:
            raise method_not_found()
        return method(ledger, params)

    return call


def answer(text: str | bytes, call: Call) -> str | None:
    """The answer to a request's text; None if it wants none (a notification)."""
    try:
        request = json.loads(text)
    except ValueError:
        return json.dumps(_failure(None, parse_error()))
    response = _batch(request, call) if isinstance(request, list) else _single(request, call)
    return None if response is None else json.dumps(response, separators=(",", ":"))


def methods_of(text: bytes) -> list[str]:
    """The names of the methods that a request, or each of a batch, calls; none if malformed."""
    try:
        request = json.loads(text)
    except ValueError:
        return []
    requests = request if isinstance(request, list) else [request]
    return [str(one["method"]) for one in requests if isinstance(one, dict) and "method" in one]


def _batch(requests: list[Any], call: Call) -> Any:
    if not requests:
        return _failure(None, invalid_request())
    answers = [_single(request, call) for request in requests]
    return [one for one in answers if one is not None] or None


def _single(request: Any, call: Call) -> dict[str, Any] | None:
    if not isinstance(request, dict) or not isinstance(request.get("method"), str):
        return _failure(None, invalid_request())
    if "id" not in request:
        return None
    try:
        result = call(request["method"], _params(request.get("params")))
    except RpcError as error:
        return _failure(request["id"], error)
    return {"jsonrpc": "2.0", "result": result, "id": request["id"]}


def _params(values: Any) -> Params:
    if values is not None and not isinstance(values, list):
        raise invalid_params("`params` should be an array")
    return Params(values or [])


def _failure(request_id: Any, error: RpcError) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "error": error.as_json(), "id": request_id}

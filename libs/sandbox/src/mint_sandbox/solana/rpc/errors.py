"""The errors that a node answers with; codes after Agave's `custom_error.rs` and JSON-RPC 2.0."""

from __future__ import annotations

from typing import Any

from solders.pubkey import Pubkey


class RpcError(Exception):
    """An answer with `error` in place of `result`."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    def as_json(self) -> dict[str, Any]:
        """The `error` member of the answer."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        return error if self.data is None else {**error, "data": self.data}


def parse_error() -> RpcError:
    """The body is not JSON."""
    return RpcError(-32700, "Parse error")


def invalid_request() -> RpcError:
    """The body is JSON but no request."""
    return RpcError(-32600, "Invalid request")


def method_not_found() -> RpcError:
    """No such method."""
    return RpcError(-32601, "Method not found")


def invalid_params(reason: str) -> RpcError:
    """A parameter is missing, of the wrong type or out of range."""
    return RpcError(-32602, reason)


def node_behind(slots: int | None = None) -> RpcError:
    """The node is too far behind the cluster, by so many slots if it knows."""
    if slots is None:
        return RpcError(-32005, "Node is unhealthy", {"numSlotsBehind": None})
    return RpcError(-32005, f"Node is behind by {slots} slots", {"numSlotsBehind": slots})


def block_cleaned_up(slot: int, first: int) -> RpcError:
    """The block is older than what the node keeps."""
    message = f"Block {slot} cleaned up, does not exist on node. First available block: {first}"
    return RpcError(-32001, message)


def preflight_failure(reason: str, data: dict[str, Any]) -> RpcError:
    """The transaction failed when it was simulated before sending."""
    return RpcError(-32002, f"Transaction simulation failed: {reason}", data)


def signature_verification_failure() -> RpcError:
    """A signature does not fit its message."""
    return RpcError(-32003, "Transaction signature verification failure")


def block_not_available(slot: int) -> RpcError:
    """The block is not there yet at the commitment asked for."""
    return RpcError(-32004, f"Block not available for slot {slot}")


def slot_skipped(slot: int) -> RpcError:
    """There never was a block in that slot."""
    message = f"Slot {slot} was skipped, or missing due to ledger jump to recent snapshot"
    return RpcError(-32007, message)


def key_excluded(key: Pubkey) -> RpcError:
    """The program has too many accounts to be listed."""
    message = f"{key} excluded from account secondary indexes; this RPC method unavailable for key"
    return RpcError(-32010, message)


def unsupported_version(version: int) -> RpcError:
    """The client did not say that it understands this version of transactions."""
    message = (
        f"Transaction version ({version}) is not supported by the requesting client. Please try "
        "the request again with the following configuration parameter: "
        f'"maxSupportedTransactionVersion": {version}'
    )
    return RpcError(-32015, message)


def min_context_slot_not_reached(slot: int) -> RpcError:
    """The node is not as far as the client wants it to be."""
    message = "Minimum context slot has not been reached"
    return RpcError(-32016, message, {"contextSlot": slot})

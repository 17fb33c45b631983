"""What an error of a Solana RPC endpoint means (NR-1).

Errors are read from the reply's text: solders panics, past every `except Exception`, on an error
that lacks a field which it expects, and not every provider sends what Agave sends.

Sources: the JSON-RPC 2.0 specification, Agave's `rpc_custom_error.rs` and `TransactionError`, and
what providers document for rate limits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from mint_resilience.failures import (
    Conflict,
    Failure,
    Outage,
    Permanent,
    RateLimited,
    Transient,
)
from mint_resilience.http import patience, status_class

PREFLIGHT_FAILURE = -32002

CODES: Mapping[int, type[Failure]] = {
    # This endpoint can not say; another one may.
    -32001: Outage,  # block cleaned up
    -32005: Outage,  # node is behind, or unhealthy
    -32010: Outage,  # key excluded from its secondary index
    -32011: Outage,  # it keeps no transaction history
    -32016: Outage,  # minimum context slot not reached: it lags
    -32601: Outage,  # it does not offer the method
    # It may say in a moment.
    -32004: Transient,  # block not available for slot
    -32008: Transient,  # no snapshot
    -32012: Transient,  # accounts scan aborted
    -32014: Transient,  # block status not available yet
    -32017: Transient,  # epoch rewards period active
    -32603: Transient,  # internal error
    # It wants less; JSON-RPC has no code for it, providers use these.
    -32429: RateLimited,
    429: RateLimited,
    # It, or its version, does not take what others do: one endpoint's word is final for no mint.
    -32003: Outage,  # transaction signature verification failed
    -32006: Outage,  # transaction precompile verification failed
    -32007: Outage,  # slot was skipped: there is no block
    -32009: Outage,  # the same, in long-term storage
    -32013: Outage,  # transaction signature length mismatch
    -32015: Outage,  # transaction version not supported
    -32018: Outage,  # slot is not an epoch boundary
    -32019: Outage,  # long-term storage unreachable
    -32600: Outage,  # invalid request
    -32602: Outage,  # invalid params
    -32700: Outage,  # parse error
    # The transaction was simulated and failed: `Refused` says more.
    PREFLIGHT_FAILURE: Conflict,
}
"""By JSON-RPC's code; all that is not named is `Transient`."""


class Preflight(StrEnum):
    """What a simulation that failed is about."""

    ALREADY_PROCESSED = "already_processed"  # the very transaction has landed: look
    BLOCKHASH = "blockhash"  # expired, or the endpoint lags
    PROGRAM = "program"  # an instruction failed; "already in use" is among it: look
    FUNDS = "funds"  # the payer has too little: an operator's matter
    BUSY = "busy"  # accounts or blocks are full: send again
    MALFORMED = "malformed"  # the transaction can never be processed


PREFLIGHT: Mapping[str, Preflight] = {
    "AlreadyProcessed": Preflight.ALREADY_PROCESSED,
    "BlockhashNotFound": Preflight.BLOCKHASH,
    "InstructionError": Preflight.PROGRAM,
    "AccountNotFound": Preflight.FUNDS,
    "InsufficientFundsForFee": Preflight.FUNDS,
    "InsufficientFundsForRent": Preflight.FUNDS,
    "InvalidAccountForFee": Preflight.FUNDS,
    "InvalidRentPayingAccount": Preflight.FUNDS,
    "AccountBorrowOutstanding": Preflight.BUSY,
    "AccountInUse": Preflight.BUSY,
    "ClusterMaintenance": Preflight.BUSY,
    "CommitCancelled": Preflight.BUSY,
    "ProgramCacheHitMaxLimit": Preflight.BUSY,
    "ProgramExecutionTemporarilyRestricted": Preflight.BUSY,
    "ResanitizationNeeded": Preflight.BUSY,
    "WouldExceedAccountDataBlockLimit": Preflight.BUSY,
    "WouldExceedAccountDataTotalLimit": Preflight.BUSY,
    "WouldExceedMaxAccountCostLimit": Preflight.BUSY,
    "WouldExceedMaxBlockCostLimit": Preflight.BUSY,
    "WouldExceedMaxVoteCostLimit": Preflight.BUSY,
    "AccountLoadedTwice": Preflight.MALFORMED,
    "AddressLookupTableNotFound": Preflight.MALFORMED,
    "CallChainTooDeep": Preflight.MALFORMED,
    "DuplicateInstruction": Preflight.MALFORMED,
    "InvalidAccountIndex": Preflight.MALFORMED,
    "InvalidAddressLookupTableData": Preflight.MALFORMED,
    "InvalidAddressLookupTableIndex": Preflight.MALFORMED,
    "InvalidAddressLookupTableOwner": Preflight.MALFORMED,
    "InvalidLoadedAccountsDataSizeLimit": Preflight.MALFORMED,
    "InvalidProgramForExecution": Preflight.MALFORMED,
    "InvalidWritableAccount": Preflight.MALFORMED,
    "MaxLoadedAccountsDataSizeExceeded": Preflight.MALFORMED,
    "MissingSignatureForFee": Preflight.MALFORMED,
    "ProgramAccountNotFound": Preflight.MALFORMED,
    "SanitizeFailure": Preflight.MALFORMED,
    "SignatureFailure": Preflight.MALFORMED,
    "TooManyAccountLocks": Preflight.MALFORMED,
    "UnbalancedTransaction": Preflight.MALFORMED,
    "UnsupportedVersion": Preflight.MALFORMED,
}
"""By the name of `TransactionError`'s variant; all that is not named is `PROGRAM`."""


class Refused(Conflict):
    """The node simulated the transaction and it failed: it was not sent on. Look at the chain.

    One endpoint's word: whatever `preflight` says, it does not decide over the mint.
    """

    def __init__(
        self,
        message: str,
        *,
        endpoint: str | None = None,
        preflight: Preflight = Preflight.PROGRAM,
    ) -> None:
        super().__init__(message, endpoint=endpoint)
        self.preflight = preflight


def failure_in_reply(reply: str, endpoint: str) -> Failure | None:
    """What the error in a JSON-RPC reply means, None when there is none in it.

    A text that is no JSON-RPC reply is `Transient`.
    """
    if '"error"' not in reply and '"result"' in reply:
        return None
    try:
        parsed = json.loads(reply)
    except ValueError as error:
        return _not_a_reply(f"{endpoint}: {error} in {reply[:_SHOWN]!r}", endpoint)
    if not isinstance(parsed, dict) or not parsed.keys() & {"error", "result"}:
        return _not_a_reply(f"{endpoint}: {reply[:_SHOWN]!r}", endpoint)
    told = parsed.get("error")
    return None if told is None else classify_rpc_error(told, endpoint)


def classify_rpc_error(error: object, endpoint: str) -> Failure:
    """Say what JSON-RPC's error object means."""
    told: Mapping[str, Any] = error if isinstance(error, dict) else {"message": error}
    code = told.get("code")
    message = f"{endpoint}: RPC error {code}: {told.get('message')}"
    if code == PREFLIGHT_FAILURE:
        return _refused(message, told.get("data"), endpoint)
    failure = CODES.get(code, Transient) if isinstance(code, int) else Transient
    return failure(message, endpoint=endpoint)


def classify_rpc_status(
    status: int, body: str, headers: Mapping[str, str], endpoint: str
) -> Failure:
    """Say what an HTTP answer that is no success means.

    A status of the 400s is about the endpoint (its URL, its key, its plan), never about the mint.
    """
    message = f"{endpoint}: HTTP {status} {body[:_SHOWN]}".rstrip()
    failure = status_class(status)
    if failure is RateLimited:
        return RateLimited(message, endpoint=endpoint, retry_after=patience(headers))
    if issubclass(failure, Permanent | Conflict):
        return Outage(f"{message}; correct the endpoint's URL or key", endpoint=endpoint)
    return failure(message, endpoint=endpoint)


def preflight_of(error: object) -> Preflight:
    """What a `TransactionError` is about, as JSON has it: a name, or an object with one key."""
    name = next(iter(error), None) if isinstance(error, dict) else error
    return PREFLIGHT.get(str(name), Preflight.PROGRAM)


_SHOWN = 200


def _refused(message: str, data: object, endpoint: str) -> Refused:
    details: Mapping[str, Any] = data if isinstance(data, dict) else {}
    error, logs = details.get("err"), details.get("logs") or ()
    last = next(reversed(logs), "no logs") if isinstance(logs, list) else "no logs"
    told = f"{message} ({json.dumps(error)}); {last}"
    return Refused(told, endpoint=endpoint, preflight=preflight_of(error))


def _not_a_reply(message: str, endpoint: str) -> Transient:
    return Transient(
        f"{message}: no JSON-RPC; whether it took effect is unknown", endpoint=endpoint
    )

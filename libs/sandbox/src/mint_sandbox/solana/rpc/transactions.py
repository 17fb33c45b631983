"""Transaction methods: sending, simulating, statuses and history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from solders.transaction import SanitizeError, VersionedTransaction

from mint_sandbox.solana.chain import Commitment
from mint_sandbox.solana.history import Landed
from mint_sandbox.solana.ledger import Ledger, Simulation, known
from mint_sandbox.solana.rpc import params as read
from mint_sandbox.solana.rpc.account_json import account_json
from mint_sandbox.solana.rpc.accounts import decimals
from mint_sandbox.solana.rpc.context import commitment, framed, settled
from mint_sandbox.solana.rpc.dispatch import Method
from mint_sandbox.solana.rpc.error_text import error_text
from mint_sandbox.solana.rpc.errors import (
    invalid_params,
    preflight_failure,
    signature_verification_failure,
    unsupported_version,
)
from mint_sandbox.solana.rpc.params import Options, Params
from mint_sandbox.solana.rpc.transaction_json import transaction_json, version
from mint_sandbox.solana.transaction_meta import return_data, status
from mint_sandbox.solana.vm import Outcome

_MAX_PACKET = 1232
_MAX_STATUSES, _MAX_SIGNATURES = 256, 1000


def send_transaction(ledger: Ledger, params: Params) -> str:
    """Check the transaction unless told not to, then run it; its signature either way.

    As on a real cluster, a signature says only that the transaction was passed on: one that can
    not get into a block (expired, duplicate, wrongly signed) is dropped without a word.
    """
    options = params.options(1)
    transaction = _transaction(params.get(0, str), options.get("encoding", str) or "base58")
    if not options.flag("skipPreflight"):
        _preflight(ledger, transaction, commitment(ledger, options, "preflightCommitment"))
    ledger.submit(transaction)
    return str(transaction.signatures[0])


def simulate_transaction(ledger: Ledger, params: Params) -> Any:
    """What the transaction would do at that commitment.

    A node tells inner instructions in parsed form, on demand; there is no parser here.
    """
    options = params.options(1)
    if options.flag("innerInstructions"):
        raise invalid_params("innerInstructions are not supported by this node")
    transaction = _transaction(params.get(0, str), options.get("encoding", str) or "base58")
    verify, replace = options.flag("sigVerify"), options.flag("replaceRecentBlockhash")
    if verify and replace:
        raise invalid_params("sigVerify may not be used with replaceRecentBlockhash")
    if verify and not all(transaction.verify_with_results()):
        raise signature_verification_failure()
    at = commitment(ledger, options)
    simulation = _simulated(ledger, transaction, at, any_blockhash=replace)
    replacement = _replacement(ledger, at) if replace else None
    wanted = _wanted_accounts(ledger, simulation, options, at)
    return framed(ledger, at, _result(simulation.outcome, wanted, replacement))


def get_signature_statuses(ledger: Ledger, params: Params) -> Any:
    """How far transactions have come; old ones only with `searchTransactionHistory`."""
    signatures, options = params.get(0, list), params.options(1)
    if len(signatures) > _MAX_STATUSES:
        raise invalid_params(f"Too many inputs provided; max {_MAX_STATUSES}")
    search = options.flag("searchTransactionHistory")
    statuses = [_status(ledger, signature, search=search) for signature in signatures]
    return framed(ledger, Commitment.PROCESSED, statuses)


def get_transaction(ledger: Ledger, params: Params) -> Any:
    """A landed transaction with its metadata, or null."""
    options = Options({"encoding": encoding}) if (encoding := _plain(params)) else params.options(1)
    landed = ledger.landed(params.signature(0), settled(ledger, options))
    return None if landed is None else _shown(landed, options)


def get_signatures_for_address(ledger: Ledger, params: Params) -> Any:
    """The transactions that mention an address, newest first, a page at a time."""
    key, options = params.pubkey(0), params.options(1)
    limit = options.get("limit", int)
    if limit is not None and not 0 < limit <= _MAX_SIGNATURES:
        raise invalid_params(f"Invalid limit; max {_MAX_SIGNATURES}")
    newest = ledger.chain.at(settled(ledger, options)).slot
    visible = (landed for landed in ledger.history.mentioning(key) if landed.slot <= newest)
    page = _page(visible, options)
    return [_entry(ledger, landed) for landed in islice(page, limit or _MAX_SIGNATURES)]


def _transaction(text: str, encoding: str) -> VersionedTransaction:
    raw = read.encoded_bytes(text, encoding)
    if len(raw) > _MAX_PACKET:
        raise invalid_params(f"decoded solana_transaction too large: {len(raw)} bytes")
    try:
        transaction = VersionedTransaction.from_bytes(raw)
        transaction.sanitize()
        known(transaction)
    except (ValueError, TypeError, SanitizeError) as error:
        raise invalid_params(f"failed to deserialize solana_transaction: {error}") from error
    return transaction


def _preflight(ledger: Ledger, transaction: VersionedTransaction, at: Commitment) -> None:
    if not all(transaction.verify_with_results()):
        raise signature_verification_failure()
    outcome = _simulated(ledger, transaction, at, any_blockhash=False).outcome
    if outcome.err is not None:
        raise preflight_failure(error_text(outcome.err), _result(outcome, None, None))


def _simulated(
    ledger: Ledger, transaction: VersionedTransaction, at: Commitment, *, any_blockhash: bool
) -> Simulation:
    refusal = None if any_blockhash else ledger.refusal(transaction, at)
    if refusal is None:
        return ledger.simulate(transaction, at)
    return Simulation(Outcome(refusal, (), 0, 0, [], None), {})


def _result(outcome: Outcome, accounts: Any, replacement: Any) -> dict[str, Any]:
    return {
        "err": outcome.err,
        "logs": list(outcome.logs),
        "accounts": accounts,
        "unitsConsumed": outcome.units,
        "returnData": return_data(outcome),
        "innerInstructions": None,
        "replacementBlockhash": replacement,
        "fee": outcome.fee or None,
    }


def _replacement(ledger: Ledger, at: Commitment) -> dict[str, Any]:
    latest = ledger.chain.latest_blockhash(at)
    return {
        "blockhash": str(latest.blockhash),
        "lastValidBlockHeight": latest.last_valid_block_height,
    }


def _wanted_accounts(
    ledger: Ledger, simulation: Simulation, options: Options, at: Commitment
) -> list[Any] | None:
    wanted = options.get("accounts", dict)
    if wanted is None:
        return None
    keys = [read.pubkey(key) for key in Options(wanted).get("addresses", list) or []]
    if simulation.outcome.err is not None:
        return [None] * len(keys)
    encoding = Options({"encoding": wanted.get("encoding") or "base64"})
    found = [simulation.accounts.get(key) or ledger.account(key, at) for key in keys]
    return [account and account_json(account, encoding, decimals(ledger, at)) for account in found]


def _status(ledger: Ledger, text: Any, *, search: bool) -> dict[str, Any] | None:
    landed = ledger.landed(read.signature(text), Commitment.PROCESSED)
    if landed is None or not (search or ledger.in_status_cache(landed)):
        return None
    return {
        "slot": landed.slot,
        "confirmations": ledger.chain.confirmations(landed.slot),
        "err": landed.err,
        "status": status(landed.err),
        "confirmationStatus": ledger.chain.commitment_of(landed.slot).value,
    }


def _plain(params: Params) -> str | None:
    """The old form: the encoding alone in place of the options."""
    second = params.optional(1, object)
    return second if isinstance(second, str) else None


def _shown(landed: Landed, options: Options) -> dict[str, Any]:
    supported = options.get("maxSupportedTransactionVersion", int)
    number = version(landed.raw)
    if supported is None and isinstance(number, int):
        raise unsupported_version(number)
    shown = {
        "slot": landed.slot,
        "blockTime": landed.time,
        "transaction": transaction_json(landed.raw, options.get("encoding", str) or "json"),
        "meta": landed.meta,
    }
    return shown if supported is None else shown | {"version": number}


def _page(visible: Iterator[Landed], options: Options) -> Iterator[Landed]:
    """From after `before` (if given) to before `until` (if given)."""
    before, until = options.get("before", str), options.get("until", str)
    if before is not None:
        start = read.signature(before)
        next((landed for landed in visible if landed.signature == start), None)
    end = None if until is None else read.signature(until)
    for landed in visible:
        if landed.signature == end:
            return
        yield landed


def _entry(ledger: Ledger, landed: Landed) -> dict[str, Any]:
    return {
        "signature": str(landed.signature),
        "slot": landed.slot,
        "err": landed.err,
        "memo": landed.memo,
        "blockTime": landed.time,
        "confirmationStatus": ledger.chain.commitment_of(landed.slot).value,
    }


METHODS: Mapping[str, Method] = {
    "getSignatureStatuses": get_signature_statuses,
    "getSignaturesForAddress": get_signatures_for_address,
    "getTransaction": get_transaction,
    "sendTransaction": send_transaction,
    "simulateTransaction": simulate_transaction,
}

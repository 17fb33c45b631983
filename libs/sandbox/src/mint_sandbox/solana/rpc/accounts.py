"""Account methods: balances, accounts by address, accounts of a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from solders.account import Account
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM

from mint_sandbox.solana import token_accounts
from mint_sandbox.solana.chain import Commitment
from mint_sandbox.solana.ledger import Ledger
from mint_sandbox.solana.rpc import params as read
from mint_sandbox.solana.rpc.account_json import Decimals, account_json
from mint_sandbox.solana.rpc.context import commitment, framed
from mint_sandbox.solana.rpc.dispatch import Method
from mint_sandbox.solana.rpc.errors import invalid_params, key_excluded
from mint_sandbox.solana.rpc.params import Options, Params

_MAX_MULTIPLE, _MAX_FILTERS = 100, 4


def get_account_info(ledger: Ledger, params: Params) -> Any:
    """One account, or null."""
    key, options = params.pubkey(0), params.options(1)
    at = commitment(ledger, options)
    return framed(ledger, at, shown(ledger, key, options, at))


def get_multiple_accounts(ledger: Ledger, params: Params) -> Any:
    """Up to 100 accounts, each possibly null, all read at the same slot."""
    keys, options = params.get(0, list), params.options(1)
    if len(keys) > _MAX_MULTIPLE:
        raise invalid_params(f"Too many inputs provided; max {_MAX_MULTIPLE}")
    at = commitment(ledger, options)
    return framed(ledger, at, [shown(ledger, read.pubkey(key), options, at) for key in keys])


def get_balance(ledger: Ledger, params: Params) -> Any:
    """The lamports of an account; 0 if it does not exist."""
    key, at = params.pubkey(0), commitment(ledger, params.options(1))
    account = ledger.account(key, at)
    return framed(ledger, at, account.lamports if account else 0)


def get_program_accounts(ledger: Ledger, params: Params) -> Any:
    """The accounts that a program owns and that pass all filters."""
    program, options = params.pubkey(0), params.options(1)
    if program == SYSTEM_PROGRAM:
        raise key_excluded(program)
    at, filters = commitment(ledger, options), _filters(options)
    found = [
        keyed(key, account, options, decimals(ledger, at))
        for key, account in ledger.program_accounts(program, at)
        if all(passes(account) for passes in filters)
    ]
    return framed(ledger, at, found) if options.flag("withContext") else found


def get_minimum_balance_for_rent_exemption(ledger: Ledger, params: Params) -> int:
    """The lamports that an account of that many bytes must hold."""
    return ledger.vm.rent_exempt(params.unsigned(0))


def shown(ledger: Ledger, key: Pubkey, options: Options, at: Commitment) -> dict[str, Any] | None:
    """The account as JSON; None if it does not exist at that commitment."""
    account = ledger.account(key, at)
    return account_json(account, options, decimals(ledger, at)) if account else None


def keyed(key: Pubkey, account: Account, options: Options, of: Decimals) -> dict[str, Any]:
    """An account in a list: with its address."""
    return {"pubkey": str(key), "account": account_json(account, options, of)}


def decimals(ledger: Ledger, at: Commitment) -> Decimals:
    """How to find the decimals of a mint at a commitment."""

    def of(mint: Pubkey) -> int:
        found = token_accounts.mint(ledger.account(mint, at))
        return found.decimals if found else 0

    return of


def _filters(options: Options) -> Sequence[_Filter]:
    wanted = options.get("filters", list) or []
    if len(wanted) > _MAX_FILTERS:
        raise invalid_params(f"Too many filters provided; max {_MAX_FILTERS}")
    return [_filter(one) for one in wanted]


class _Filter:
    """Accepts accounts of a size, or with given bytes at an offset."""

    def __init__(self, size: int | None, offset: int, expected: bytes) -> None:
        self._size = size
        self._offset = offset
        self._expected = expected

    def __call__(self, account: Account) -> bool:
        data = account.data
        end = self._offset + len(self._expected)
        return self._size in (None, len(data)) and data[self._offset : end] == self._expected


def _filter(wanted: Any) -> _Filter:
    if not isinstance(wanted, dict):
        raise invalid_params("Invalid param: a filter must be an object")
    options = Options(wanted)
    size, compare = options.unsigned("dataSize"), options.get("memcmp", dict)
    if size is None and compare is None:
        raise invalid_params("Invalid param: a filter must be `dataSize` or `memcmp`")
    return _Filter(size, 0, b"") if compare is None else _memcmp(Options(compare))


def _memcmp(options: Options) -> _Filter:
    encoding = options.get("encoding", str) or "base58"
    expected = read.encoded_bytes(options.get("bytes", str) or "", encoding)
    return _Filter(None, options.unsigned("offset") or 0, expected)


METHODS: Mapping[str, Method] = {
    "getAccountInfo": get_account_info,
    "getBalance": get_balance,
    "getMinimumBalanceForRentExemption": get_minimum_balance_for_rent_exemption,
    "getMultipleAccounts": get_multiple_accounts,
    "getProgramAccounts": get_program_accounts,
}

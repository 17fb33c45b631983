"""Token methods: accounts of a wallet, balances, supply, largest holders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from solders.account import Account
from solders.pubkey import Pubkey

from mint_sandbox.solana import token_accounts
from mint_sandbox.solana.chain import Commitment
from mint_sandbox.solana.ledger import Ledger
from mint_sandbox.solana.rpc import params as read
from mint_sandbox.solana.rpc.accounts import decimals, keyed
from mint_sandbox.solana.rpc.context import commitment, framed
from mint_sandbox.solana.rpc.dispatch import Method
from mint_sandbox.solana.rpc.errors import invalid_params
from mint_sandbox.solana.rpc.params import Options, Params
from mint_sandbox.solana.token_accounts import Holding, Mint, ui_amount

_MAX_LARGEST = 20


def get_token_accounts_by_owner(ledger: Ledger, params: Params) -> Any:
    """A wallet's token accounts of one mint or of one token program."""
    owner, accepts = params.pubkey(0), _selection(Options(params.get(1, dict)))
    options = params.options(2)
    at = commitment(ledger, options)
    found = [
        keyed(key, account, options, decimals(ledger, at))
        for key, account, held in ledger.tokens_of_owner(owner, at)
        if accepts(account, held)
    ]
    return framed(ledger, at, found)


def get_token_account_balance(ledger: Ledger, params: Params) -> Any:
    """What a token account holds."""
    at = commitment(ledger, params.options(1))
    held = token_accounts.holding(ledger.account(params.pubkey(0), at))
    if held is None:
        raise invalid_params("Invalid param: could not find account")
    return framed(ledger, at, ui_amount(held.amount, decimals(ledger, at)(held.mint)))


def get_token_supply(ledger: Ledger, params: Params) -> Any:
    """How much of a mint there is."""
    at = commitment(ledger, params.options(1))
    mint = _mint(ledger, params.pubkey(0), at)
    return framed(ledger, at, ui_amount(mint.supply, mint.decimals))


def get_token_largest_accounts(ledger: Ledger, params: Params) -> Any:
    """The 20 token accounts that hold most of a mint."""
    address, at = params.pubkey(0), commitment(ledger, params.options(1))
    mint = _mint(ledger, address, at)
    held = [(held.amount, str(key)) for key, _, held in ledger.tokens_of_mint(address, at)]
    largest = sorted(held, key=lambda one: one[0], reverse=True)[:_MAX_LARGEST]
    shown = [{"address": key, **ui_amount(amount, mint.decimals)} for amount, key in largest]
    return framed(ledger, at, shown)


def _selection(options: Options) -> Callable[[Account, Holding], bool]:
    mint, program = options.get("mint", str), options.get("programId", str)
    if mint is not None:
        wanted = read.pubkey(mint)
        return lambda _, held: held.mint == wanted
    if program is None:
        raise invalid_params("Invalid params: expected `mint` or `programId`.")
    if (owner := read.pubkey(program)) not in token_accounts.PROGRAM_NAMES:
        raise invalid_params("Invalid param: unrecognized Token program id")
    return lambda account, _: account.owner == owner


def _mint(ledger: Ledger, key: Pubkey, at: Commitment) -> Mint:
    account = ledger.account(key, at)
    if account is None:
        raise invalid_params("Invalid param: could not find mint")
    if (mint := token_accounts.mint(account)) is None:
        raise invalid_params("Invalid param: not a Token mint")
    return mint


METHODS: Mapping[str, Method] = {
    "getTokenAccountBalance": get_token_account_balance,
    "getTokenAccountsByOwner": get_token_accounts_by_owner,
    "getTokenLargestAccounts": get_token_largest_accounts,
    "getTokenSupply": get_token_supply,
}

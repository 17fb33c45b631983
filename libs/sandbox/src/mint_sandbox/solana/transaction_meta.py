"""The metadata of a landed transaction in the form of `getTransaction`. Pure."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from solders.account import Account
from solders.pubkey import Pubkey
from solders.transaction_metadata import InnerInstruction

from mint_sandbox.solana import base58, token_accounts
from mint_sandbox.solana.messages import Accounts
from mint_sandbox.solana.vm import Outcome

State = Mapping[Pubkey, Account | None]


def status(err: Any) -> dict[str, Any]:
    """The old form of a result, which clients still read."""
    return {"Ok": None} if err is None else {"Err": err}


def meta(
    outcome: Outcome,
    accounts: Accounts,
    before: State,
    after: State,
    mint_decimals: Callable[[Pubkey], int],
) -> dict[str, Any]:
    """Put together what happened; `mint_decimals` tells the decimals of a mint."""
    keys = accounts.all
    return {
        "err": outcome.err,
        "status": status(outcome.err),
        "fee": outcome.fee,
        "preBalances": _balances(keys, before),
        "postBalances": _balances(keys, after),
        "innerInstructions": inner_instructions(outcome),
        "logMessages": list(outcome.logs),
        "preTokenBalances": _token_balances(keys, before, mint_decimals),
        "postTokenBalances": _token_balances(keys, after, mint_decimals),
        "rewards": [],
        "loadedAddresses": {
            "writable": [str(key) for key in accounts.loaded_writable],
            "readonly": [str(key) for key in accounts.loaded_readonly],
        },
        **_return_data(outcome),
        "computeUnitsConsumed": outcome.units,
    }


def inner_instructions(outcome: Outcome) -> list[dict[str, Any]]:
    """The instructions that programs called, by the index of the outer one."""
    return [
        {"index": index, "instructions": [_inner(one) for one in group]}
        for index, group in enumerate(outcome.inner_instructions)
        if group
    ]


def return_data(outcome: Outcome) -> dict[str, Any] | None:
    """What the last program returned, if anything."""
    if outcome.return_data is None:
        return None
    program, data = outcome.return_data
    return {"programId": str(program), "data": [base64.b64encode(data).decode(), "base64"]}


def _inner(instruction: InnerInstruction) -> dict[str, Any]:
    compiled = instruction.instruction()
    return {
        "programIdIndex": compiled.program_id_index,
        "accounts": list(compiled.accounts),
        "data": base58.encode(bytes(compiled.data)),
        "stackHeight": instruction.stack_height(),
    }


def _return_data(outcome: Outcome) -> dict[str, Any]:
    """Absent from `getTransaction` when there is none."""
    returned = return_data(outcome)
    return {} if returned is None else {"returnData": returned}


def _balances(keys: Sequence[Pubkey], state: State) -> list[int]:
    return [account.lamports if (account := state[key]) else 0 for key in keys]


def _token_balances(
    keys: Sequence[Pubkey], state: State, mint_decimals: Callable[[Pubkey], int]
) -> list[dict[str, Any]]:
    return [
        _token_balance(index, account.owner, held, mint_decimals(held.mint))
        for index, key in enumerate(keys)
        if (account := state[key]) and (held := token_accounts.holding(account))
    ]


def _token_balance(
    index: int, program: Pubkey, held: token_accounts.Holding, decimals: int
) -> dict[str, Any]:
    return {
        "accountIndex": index,
        "mint": str(held.mint),
        "owner": str(held.owner),
        "programId": str(program),
        "uiTokenAmount": token_accounts.ui_amount(held.amount, decimals),
    }

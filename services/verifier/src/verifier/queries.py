"""What one Solana endpoint is asked, and what its answers mean.

Source: Solana's RPC reference. Accounts are read at commitment `finalized`: what the verifier says
of the chain can not be rolled back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from solders.account import Account
from solders.account_decoder import UiAccountEncoding
from solders.commitment_config import CommitmentLevel
from solders.pubkey import Pubkey
from solders.rpc import config, requests, responses
from solders.signature import Signature
from solders.transaction_status import TransactionConfirmationStatus, TransactionStatus

from mint_chain.accounts import AccountState, TokenHolding, decode_token_account
from mint_chain.addresses import TOKEN_PROGRAM
from verifier.checks.solana import TransactionSeen
from verifier.rpc import RpcEndpoint

T = TypeVar("T")

ACCOUNTS_PER_CALL: Final = 100
"""Limit of `getMultipleAccounts`."""

SIGNATURES_PER_CALL: Final = 256
"""Limit of `getSignatureStatuses`."""

_FINALIZED = CommitmentLevel.Finalized
_CONTEXT = config.RpcContextConfig(_FINALIZED)
_ACCOUNTS = config.RpcAccountInfoConfig(UiAccountEncoding.Base64, commitment=_FINALIZED)
_HISTORY = config.RpcSignatureStatusConfig(search_transaction_history=True)
_OF_TOKEN_PROGRAM = config.RpcTokenAccountsFilterProgramId(TOKEN_PROGRAM)


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """What an endpoint said of the chain at a finalized slot."""

    slot: int
    value: T


async def finalized_slot(rpc: RpcEndpoint) -> int:
    """The newest finalized slot."""
    return (await rpc.ask(requests.GetSlot(_CONTEXT), responses.GetSlotResp)).value


async def transactions(rpc: RpcEndpoint, signatures: Sequence[str]) -> dict[str, TransactionSeen]:
    """What it knows of up to `SIGNATURES_PER_CALL` signatures, by signature."""
    parsed = [Signature.from_string(text) for text in signatures]
    request = requests.GetSignatureStatuses(parsed, _HISTORY)
    answer = await rpc.ask(request, responses.GetSignatureStatusesResp)
    rpc.require(len(answer.value), len(signatures))
    latest = answer.context.slot
    if None in answer.value:
        latest = await finalized_slot(rpc)
    return {
        signature: _transaction(rpc.name, latest, status)
        for signature, status in zip(signatures, answer.value, strict=True)
    }


async def accounts(
    rpc: RpcEndpoint, addresses: Sequence[Pubkey]
) -> Read[list[AccountState | None]]:
    """Up to `ACCOUNTS_PER_CALL` accounts, in the order of their addresses; None where is none."""
    request = requests.GetMultipleAccounts(list(addresses), _ACCOUNTS)
    answer = await rpc.ask(request, responses.GetMultipleAccountsResp)
    rpc.require(len(answer.value), len(addresses))
    return Read(answer.context.slot, [_state(account) for account in answer.value])


async def holdings(rpc: RpcEndpoint, wallet: Pubkey) -> Read[list[TokenHolding]]:
    """Every token account of the wallet."""
    request = requests.GetTokenAccountsByOwner(wallet, _OF_TOKEN_PROGRAM, _ACCOUNTS)
    answer = await rpc.ask(request, responses.GetTokenAccountsByOwnerResp)
    held = [decode_token_account(_present(keyed.account)) for keyed in answer.value]
    return Read(answer.context.slot, held)


def _transaction(name: str, latest: int, status: TransactionStatus | None) -> TransactionSeen:
    if status is None:
        return TransactionSeen(endpoint=name, latest=latest)
    return TransactionSeen(
        endpoint=name,
        latest=latest,
        slot=status.slot,
        finalized=status.find_confirmation_status() == TransactionConfirmationStatus.Finalized,
        error=None if status.err is None else str(status.err),
    )


def _state(account: Account | None) -> AccountState | None:
    return None if account is None else _present(account)


def _present(account: Account) -> AccountState:
    return AccountState(lamports=account.lamports, owner=account.owner, data=account.data)

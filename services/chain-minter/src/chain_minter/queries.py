"""What one endpoint is asked, and what its answers mean.

Reads for the pipeline are at commitment confirmed (CH-7). Also for "is it absent?": confirmed holds
all that is finalized, and what was confirmed after it.

Source: Solana's JSON-RPC documentation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Generic, TypeVar

from solders.account import Account
from solders.account_decoder import UiAccountEncoding, UiDataSliceConfig
from solders.commitment_config import CommitmentLevel
from solders.hash import Hash
from solders.message import VersionedMessage
from solders.pubkey import Pubkey
from solders.rpc import config, requests, responses
from solders.signature import Signature
from solders.transaction import VersionedTransaction
from solders.transaction_status import (
    TransactionConfirmationStatus,
    TransactionStatus,
    UiTransactionEncoding,
)

from chain_minter.confirmation import Commitment, Status
from chain_minter.rpc import Endpoint, Refused
from mint_chain.accounts import MINT_BYTES, AccountState
from mint_chain.nft import parts_of
from mint_resilience.failures import Transient

T = TypeVar("T")

MAX_STATUSES = 256
"""Signatures that one `getSignatureStatuses` may ask for."""
MAX_ACCOUNTS = 100
"""Accounts that one `getMultipleAccounts` may ask for."""
MAX_FEE_ACCOUNTS = 128
"""Accounts that one `getRecentPrioritizationFees` may ask for."""

_CONFIRMED = CommitmentLevel.Confirmed
_CONTEXT = config.RpcContextConfig(_CONFIRMED)
_FINALIZED_CONTEXT = config.RpcContextConfig(CommitmentLevel.Finalized)
_ACCOUNTS = config.RpcAccountInfoConfig(UiAccountEncoding.Base64, commitment=_CONFIRMED)
_LAMPORTS = config.RpcAccountInfoConfig(
    UiAccountEncoding.Base64, data_slice=UiDataSliceConfig(0, 0), commitment=_CONFIRMED
)
_SEND = config.RpcSendTransactionConfig(
    skip_preflight=False,
    preflight_commitment=_CONFIRMED,  # that of the blockhash, which preflight must know
    max_retries=0,  # we send again ourselves, and know when to stop
)
_SIMULATE = config.RpcSimulateTransactionConfig(
    sig_verify=False, replace_recent_blockhash=True, commitment=_CONFIRMED
)
_TRANSACTION = config.RpcTransactionConfig(UiTransactionEncoding.Base64, _CONFIRMED, 0)
_HISTORY = config.RpcSignaturesForAddressConfig(commitment=_CONFIRMED)

Parts = tuple[AccountState | None, AccountState | None, AccountState | None]
"""The accounts of an NFT that `mint_chain.nft.observe` takes."""


@dataclass(frozen=True, slots=True)
class Blockhash:
    """A recent blockhash, the slot of its block, until which height it is good, and who told so."""

    hash: Hash
    slot: int
    last_valid_block_height: int
    endpoint: str


@dataclass(frozen=True, slots=True)
class Finalized:
    """The newest finalized block."""

    slot: int
    height: int


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """What an endpoint said of the chain at a slot."""

    slot: int
    value: T


async def finalized(endpoint: Endpoint) -> Finalized:
    """Slot and height in one answer, so that they belong together."""
    answer = await endpoint.ask(
        requests.GetEpochInfo(_FINALIZED_CONTEXT), responses.GetEpochInfoResp
    )
    return Finalized(answer.value.absolute_slot, answer.value.block_height)


async def statuses(
    endpoint: Endpoint, signatures: Sequence[Signature], *, search: bool
) -> Read[list[Status | None]]:
    """Statuses in the order of the signatures; `search` also in the node's whole history."""
    request = requests.GetSignatureStatuses(
        signatures, config.RpcSignatureStatusConfig(search_transaction_history=search)
    )
    answer = await endpoint.ask(request, responses.GetSignatureStatusesResp)
    _require(endpoint, len(answer.value), len(signatures))
    found = [None if status is None else _status(status) for status in answer.value]
    return Read(answer.context.slot, found)


async def parts(endpoint: Endpoint, mints: Sequence[Pubkey]) -> Read[list[Parts]]:
    """The accounts of each NFT, in the order of the mints."""
    keys = list(chain.from_iterable(map(parts_of, mints)))
    request = requests.GetMultipleAccounts(keys, _ACCOUNTS)
    answer = await endpoint.ask(request, responses.GetMultipleAccountsResp)
    _require(endpoint, len(answer.value), len(keys))
    states = map(_state, answer.value)
    return Read(answer.context.slot, [_next_parts(states) for _ in mints])


async def lamports(endpoint: Endpoint, accounts: Sequence[Pubkey]) -> Read[list[int]]:
    """What each account holds, in lamports."""
    request = requests.GetMultipleAccounts(list(accounts), _LAMPORTS)
    answer = await endpoint.ask(request, responses.GetMultipleAccountsResp)
    _require(endpoint, len(answer.value), len(accounts))
    held = [0 if account is None else account.lamports for account in answer.value]
    return Read(answer.context.slot, held)


async def health(endpoint: Endpoint) -> None:
    """Raises what is wrong: a node that is behind says so (`Outage`)."""
    await endpoint.ask(requests.GetHealth(), responses.GetHealthResp)


async def latest_blockhash(endpoint: Endpoint) -> Blockhash:
    """The newest confirmed blockhash."""
    answer = await endpoint.ask(
        requests.GetLatestBlockhash(_CONTEXT), responses.GetLatestBlockhashResp
    )
    return Blockhash(
        hash=answer.value.blockhash,
        slot=answer.context.slot,
        last_valid_block_height=answer.value.last_valid_block_height,
        endpoint=endpoint.name,
    )


async def is_good(endpoint: Endpoint, blockhash: Hash) -> Read[bool]:
    """Whether a transaction with it could be in a block right after the newest finalized one."""
    request = requests.IsBlockhashValid(blockhash, _FINALIZED_CONTEXT)
    answer = await endpoint.ask(request, responses.IsBlockhashValidResp)
    return Read(answer.context.slot, answer.value)


async def prices(endpoint: Endpoint, written: Sequence[Pubkey]) -> list[int]:
    """By recent block, what sufficed to write all the accounts: micro-lamports per compute unit."""
    request = requests.GetRecentPrioritizationFees(written)
    answer = await endpoint.ask(request, responses.GetRecentPrioritizationFeesResp)
    return [fee.prioritization_fee for fee in answer.value]


async def mint_rent(endpoint: Endpoint) -> int:
    """Lamports that exempt a mint account from rent."""
    request = requests.GetMinimumBalanceForRentExemption(MINT_BYTES)
    return (await endpoint.ask(request, responses.GetMinimumBalanceForRentExemptionResp)).value


async def units_used(endpoint: Endpoint, raw: bytes) -> int:
    """Compute units by simulation. Raises `Refused` when the simulated transaction fails."""
    transaction = VersionedTransaction.from_bytes(raw)
    request = requests.SimulateVersionedTransaction(transaction, _SIMULATE)
    found = (await endpoint.ask(request, responses.SimulateTransactionResp)).value
    if found.err is not None or found.units_consumed is None:
        raise Refused(f"{endpoint.name}: the transaction fails in simulation: {found.err}")
    return found.units_consumed


async def send(endpoint: Endpoint, raw: bytes) -> None:
    """Hand over a signed transaction. Raises `Refused` when its simulation fails."""
    await endpoint.ask(requests.SendRawTransaction(raw, _SEND), responses.SendTransactionResp)


async def history(
    endpoint: Endpoint, address: Pubkey
) -> list[responses.RpcConfirmedTransactionStatusWithSignature]:
    """The transactions that name the address, the newest first."""
    request = requests.GetSignaturesForAddress(address, _HISTORY)
    return (await endpoint.ask(request, responses.GetSignaturesForAddressResp)).value


async def message(endpoint: Endpoint, signature: Signature) -> VersionedMessage | None:
    """What was signed in a transaction, None if the endpoint does not know it."""
    request = requests.GetTransaction(signature, _TRANSACTION)
    answer = await endpoint.ask(request, responses.GetTransactionResp)
    found = answer.value and answer.value.transaction.transaction
    return found.message if isinstance(found, VersionedTransaction) else None


def _require(endpoint: Endpoint, answered: int, asked: int) -> None:
    if answered != asked:
        message = f"{endpoint.name}: {answered} answers to {asked} questions; ask again"
        raise Transient(message, endpoint=endpoint.name)


def _status(found: TransactionStatus) -> Status:
    return Status(
        commitment=_commitment(found.find_confirmation_status()),
        slot=found.slot,
        error=None if found.err is None else str(found.err),
    )


def _commitment(found: TransactionConfirmationStatus) -> Commitment:
    if found == TransactionConfirmationStatus.Finalized:
        return Commitment.FINALIZED
    confirmed = found == TransactionConfirmationStatus.Confirmed
    return Commitment.CONFIRMED if confirmed else Commitment.PROCESSED


def _state(account: Account | None) -> AccountState | None:
    if account is None:
        return None
    return AccountState(account.lamports, account.owner, account.data)


def _next_parts(states: Iterator[AccountState | None]) -> Parts:
    return next(states), next(states), next(states)

"""The chain as this service uses it: many mints share few calls.

Reads for the pipeline are at commitment confirmed (CH-7). Also for "is it absent?": confirmed holds
all that is finalized, and what was confirmed after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import inf
from typing import Generic, TypeVar

from solders.account import Account
from solders.account_decoder import UiAccountEncoding
from solders.commitment_config import CommitmentLevel
from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.rpc import config, requests, responses
from solders.signature import Signature
from solders.transaction import VersionedTransaction
from solders.transaction_status import (
    TransactionConfirmationStatus,
    TransactionStatus,
    UiTransactionEncoding,
)

from chain_minter.batching import Batch, Shared
from chain_minter.chain import Landed, Report
from chain_minter.confirmation import Commitment, Glance, Status
from chain_minter.endpoints import Endpoints
from chain_minter.rpc import Endpoint, Refused
from mint_chain.accounts import MINT_BYTES, AccountState, Metadata
from mint_chain.addresses import edition_address
from mint_chain.nft import observe, parts_of
from mint_resilience.failures import Failure, Transient

T = TypeVar("T")

CONFIRMED = CommitmentLevel.Confirmed
_CONTEXT = config.RpcContextConfig(CONFIRMED)
_FINALIZED_CONTEXT = config.RpcContextConfig(CommitmentLevel.Finalized)
_ACCOUNTS = config.RpcAccountInfoConfig(UiAccountEncoding.Base64, commitment=CONFIRMED)
_SEND = config.RpcSendTransactionConfig(
    skip_preflight=False,
    preflight_commitment=CONFIRMED,  # that of the blockhash, which preflight must know
    max_retries=0,  # we send again ourselves, and know when to stop
)
_SIMULATE = config.RpcSimulateTransactionConfig(
    sig_verify=False, replace_recent_blockhash=True, commitment=CONFIRMED
)
_TRANSACTION = config.RpcTransactionConfig(UiTransactionEncoding.Base64, CONFIRMED, 0)
_MAX_STATUSES = 256
_MAX_ACCOUNTS = 100
_PARTS = 3
_SECONDS_FRESH = 1.0
_SECONDS_FEES_FRESH = 10.0


@dataclass(frozen=True, slots=True)
class Blockhash:
    """A recent blockhash, until which height it is good, and who gave it."""

    hash: Hash
    last_valid_block_height: int
    endpoint: str


@dataclass(frozen=True, slots=True)
class _Finalized:
    """The newest finalized block."""

    slot: int
    height: int


@dataclass(frozen=True, slots=True)
class _Read(Generic[T]):
    """What an endpoint said of the chain at a slot."""

    slot: int
    value: T


class Solana:
    """Reads and sends through the endpoints; every method raises classified failures."""

    def __init__(self, endpoints: Endpoints, payer: Pubkey) -> None:
        """`payer` writes to every transaction: its account tells what priority costs."""
        self._endpoints = endpoints
        self._payer = payer
        self._statuses = Batch(self._fetch_statuses, size=_MAX_STATUSES)
        self._parts = Batch(self._fetch_parts, size=_MAX_ACCOUNTS // _PARTS)
        self._finalized = Shared(self._fetch_finalized, seconds=_SECONDS_FRESH)
        self._blockhash = Shared(self._fetch_blockhash, seconds=_SECONDS_FRESH)
        self._prices = Shared(self._fetch_prices, seconds=_SECONDS_FEES_FRESH)
        self._rent = Shared(self._fetch_rent, seconds=inf)

    async def unreachable(self) -> str | None:
        """None if an endpoint answers (or did so within a second), else what is wrong."""
        try:
            await self._finalized.get()
        except Failure as failure:
            return str(failure)
        return None

    async def glance(self, signature: Signature) -> Glance:
        """Status as the node remembers it, and the finalized block height (at most 1 s old)."""
        status, finalized = await asyncio.gather(
            self._statuses.get(signature), self._finalized.get()
        )
        return Glance(status=status, finalized_height=finalized.height)

    async def look(self, mint: Pubkey, signature: Signature | None) -> Report:
        """A closer look through the first endpoint that answers."""
        status = self._statuses.get(signature) if signature else _nothing()
        seen, finalized, parts = await asyncio.gather(
            status, self._finalized.get(), self._parts.get(mint)
        )
        return Report(
            endpoint="the first that answers",
            status=seen,
            finalized_height=finalized.height,
            finalized_slot=finalized.slot,
            read_slot=parts.slot,
            there=observe(*parts.value),
        )

    async def look_everywhere(self, mint: Pubkey, signature: Signature | None) -> list[Report]:
        """What every healthy endpoint says, each asked for itself, with its whole history."""
        return await self._endpoints.every(lambda endpoint: _report(endpoint, mint, signature))

    async def send(self, raw: bytes, *, skip: int) -> None:
        """Hand a signed transaction to the endpoint `skip` places down, or one after it.

        Raises `Refused` when its simulation fails there; it says nothing about earlier sendings.
        """
        request = requests.SendRawTransaction(raw, _SEND)
        await self._endpoints.first(
            lambda endpoint: endpoint.ask(request, responses.SendTransactionResp), skip=skip
        )

    async def blockhash(self) -> Blockhash:
        """A blockhash at most 1 s old."""
        return await self._blockhash.get()

    async def recent_prices(self) -> Sequence[int]:
        """What was recently paid to write to the payer's account, micro-lamports per unit."""
        return await self._prices.get()

    async def mint_rent(self) -> int:
        """Lamports that exempt a mint account from rent."""
        return await self._rent.get()

    async def units_used(self, raw: bytes) -> int:
        """Compute units by simulation. Raises `Refused` when the simulated transaction fails."""
        request = requests.SimulateVersionedTransaction(
            VersionedTransaction.from_bytes(raw), _SIMULATE
        )
        answer = await self._endpoints.first(
            lambda endpoint: endpoint.ask(request, responses.SimulateTransactionResp)
        )
        if answer.value.err is not None or answer.value.units_consumed is None:
            raise Refused(f"the transaction fails in simulation: {answer.value.err}")
        return answer.value.units_consumed

    async def metadata(self, mint: Pubkey) -> Metadata | None:
        """The mint's metadata account."""
        return observe(*(await self._parts.get(mint)).value).metadata

    async def landed(self, mint: Pubkey, payer: Pubkey) -> Landed:
        """The transaction that made the NFT whole: the payer's first that wrote to its edition.

        Others' are passed over: anyone can send lamports there beforehand. Raises `Transient` when
        none is in the node's history (yet).
        """
        edition = edition_address(mint)
        for entry in reversed(await self._history(edition)):
            if entry.err is None and await self._paid_by(payer, entry.signature):
                return Landed(entry.signature, entry.slot)
        raise Transient(f"mint {mint} is on chain, but its transaction is in no history (yet)")

    async def _history(
        self, address: Pubkey
    ) -> list[responses.RpcConfirmedTransactionStatusWithSignature]:
        request = requests.GetSignaturesForAddress(
            address, config.RpcSignaturesForAddressConfig(commitment=CONFIRMED)
        )
        answer = await self._endpoints.first(
            lambda endpoint: endpoint.ask(request, responses.GetSignaturesForAddressResp)
        )
        return answer.value

    async def _paid_by(self, payer: Pubkey, signature: Signature) -> bool:
        request = requests.GetTransaction(signature, _TRANSACTION)
        answer = await self._endpoints.first(
            lambda endpoint: endpoint.ask(request, responses.GetTransactionResp)
        )
        found = answer.value and answer.value.transaction.transaction
        return isinstance(found, VersionedTransaction) and found.message.account_keys[0] == payer

    async def _fetch_statuses(self, signatures: Sequence[Signature]) -> list[Status | None]:
        read = await self._endpoints.first(
            lambda endpoint: _statuses(endpoint, signatures, search=False)
        )
        return read.value

    async def _fetch_parts(self, mints: Sequence[Pubkey]) -> list[_Read[_Parts]]:
        return await self._endpoints.first(lambda endpoint: _accounts(endpoint, mints))

    async def _fetch_finalized(self) -> _Finalized:
        return await self._endpoints.first(_finalized)

    async def _fetch_blockhash(self) -> Blockhash:
        return await self._endpoints.first(_latest_blockhash)

    async def _fetch_prices(self) -> list[int]:
        request = requests.GetRecentPrioritizationFees([self._payer])
        answer = await self._endpoints.first(
            lambda endpoint: endpoint.ask(request, responses.GetRecentPrioritizationFeesResp)
        )
        return [fee.prioritization_fee for fee in answer.value]

    async def _fetch_rent(self) -> int:
        request = requests.GetMinimumBalanceForRentExemption(MINT_BYTES)
        answer = await self._endpoints.first(
            lambda endpoint: endpoint.ask(request, responses.GetMinimumBalanceForRentExemptionResp)
        )
        return answer.value


_Parts = tuple[AccountState | None, AccountState | None, AccountState | None]


async def _nothing() -> None:
    return None


async def _report(endpoint: Endpoint, mint: Pubkey, signature: Signature | None) -> Report:
    """The height is asked before the status: what lands in between is not taken for expired."""
    finalized = await _finalized(endpoint)
    (parts,) = await _accounts(endpoint, [mint])
    status, slot = None, parts.slot
    if signature is not None:
        statuses = await _statuses(endpoint, [signature], search=True)
        (status,), slot = statuses.value, min(slot, statuses.slot)
    return Report(
        endpoint=endpoint.url,
        status=status,
        finalized_height=finalized.height,
        finalized_slot=finalized.slot,
        read_slot=slot,
        there=observe(*parts.value),
    )


async def _statuses(
    endpoint: Endpoint, signatures: Sequence[Signature], *, search: bool
) -> _Read[list[Status | None]]:
    request = requests.GetSignatureStatuses(
        signatures, config.RpcSignatureStatusConfig(search_transaction_history=search)
    )
    answer = await endpoint.ask(request, responses.GetSignatureStatusesResp)
    statuses = [None if status is None else _status(status) for status in answer.value]
    return _Read(answer.context.slot, statuses)


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


async def _accounts(endpoint: Endpoint, mints: Sequence[Pubkey]) -> list[_Read[_Parts]]:
    """Of each NFT the accounts that `observe` takes."""
    keys = list(chain.from_iterable(map(parts_of, mints)))
    request = requests.GetMultipleAccounts(keys, _ACCOUNTS)
    answer = await endpoint.ask(request, responses.GetMultipleAccountsResp)
    states = (_state(account) for account in answer.value)
    parts = [(next(states), next(states), next(states)) for _ in mints]
    return [_Read(answer.context.slot, each) for each in parts]


def _state(account: Account | None) -> AccountState | None:
    if account is None:
        return None
    return AccountState(account.lamports, account.owner, account.data)


async def _finalized(endpoint: Endpoint) -> _Finalized:
    """Slot and height in one answer, so that they belong together."""
    request = requests.GetEpochInfo(_FINALIZED_CONTEXT)
    found = (await endpoint.ask(request, responses.GetEpochInfoResp)).value
    return _Finalized(found.absolute_slot, found.block_height)


async def _latest_blockhash(endpoint: Endpoint) -> Blockhash:
    request = requests.GetLatestBlockhash(_CONTEXT)
    found = (await endpoint.ask(request, responses.GetLatestBlockhashResp)).value
    return Blockhash(found.blockhash, found.last_valid_block_height, endpoint.url)

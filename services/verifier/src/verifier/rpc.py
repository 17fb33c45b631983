"""Solana through its JSON-RPC: the few reads that the checks need, each asked of a given endpoint.

Source: Solana's RPC reference. Accounts are read at commitment `finalized`: what the verifier says
of the chain can not be rolled back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Final, TypeVar

import httpx2
from solana.exceptions import SolanaRpcException
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Finalized
from solana.rpc.core import RPCException
from solana.rpc.models import TokenAccountOpts
from solders.account import Account
from solders.pubkey import Pubkey
from solders.rpc.responses import (
    GetMultipleAccountsResp,
    GetSignatureStatusesResp,
    GetSlotResp,
    GetTokenAccountsByOwnerResp,
)
from solders.signature import Signature
from solders.transaction_status import TransactionConfirmationStatus, TransactionStatus

from mint_chain.accounts import AccountState, TokenHolding, decode_token_account
from mint_chain.addresses import TOKEN_PROGRAM
from mint_resilience.failures import Failure, Outage, RateLimited, Transient
from verifier.checks.solana import AccountsSeen, TransactionSeen
from verifier.expectation import Expectation

A = TypeVar("A")

ACCOUNTS_PER_CALL: Final = 100
"""Limit of `getMultipleAccounts`."""

SIGNATURES_PER_CALL: Final = 256
"""Limit of `getSignatureStatuses`."""


class SolanaReader:
    """Reads from several endpoints, by URL, in order of preference; close it after use.

    Every method raises a `Failure` that names the endpoint when it gives no answer.
    """

    def __init__(self, urls: Sequence[str], *, timeout: float) -> None:
        self.urls = tuple(urls)
        self._clients = {
            url: AsyncClient(url, timeout=timeout, http2=False, max_transport_retries=0)
            for url in self.urls
        }

    async def aclose(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.close()

    async def readiness(self) -> str | None:
        """None if an endpoint answers, else what the last one asked did instead."""
        trouble: str | None = "no endpoint is set"
        for url in self.urls:
            try:
                await self._finalized_slot(url)
            except Failure as failure:
                trouble = str(failure)
            else:
                return None
        return trouble

    async def transactions(self, url: str, signatures: Sequence[str]) -> dict[str, TransactionSeen]:
        """What the endpoint knows of up to `SIGNATURES_PER_CALL` signatures, by signature."""
        parsed = [Signature.from_string(text) for text in signatures]
        asking = self._clients[url].get_signature_statuses(parsed, search_transaction_history=True)
        answer = await _answer(url, asking, GetSignatureStatusesResp)
        latest = answer.context.slot
        if None in answer.value:
            latest = await self._finalized_slot(url)
        return {
            signature: _transaction(url, latest, status)
            for signature, status in zip(signatures, answer.value, strict=True)
        }

    async def nft_accounts(self, url: str, expected: Expectation) -> AccountsSeen:
        """The NFT's four accounts, in one call and so at one slot."""
        addresses = (
            expected.mint,
            expected.token_account,
            expected.metadata_account,
            expected.master_edition,
        )
        mint, token, metadata, edition = await self.accounts(url, addresses)
        return AccountsSeen(mint=mint, token=token, metadata=metadata, edition=edition)

    async def accounts(self, url: str, addresses: Sequence[Pubkey]) -> list[AccountState | None]:
        """The accounts at these addresses, in their order; None where there is none."""
        states: list[AccountState | None] = []
        for start in range(0, len(addresses), ACCOUNTS_PER_CALL):
            part = list(addresses[start : start + ACCOUNTS_PER_CALL])
            asking = self._clients[url].get_multiple_accounts(part, Finalized)
            answer = await _answer(url, asking, GetMultipleAccountsResp)
            states += [_state(account) for account in answer.value]
        return states

    async def holdings(self, url: str, wallet: Pubkey) -> list[TokenHolding]:
        """Every token account of the wallet."""
        of_token_program = TokenAccountOpts(program_id=TOKEN_PROGRAM)
        asking = self._clients[url].get_token_accounts_by_owner(wallet, of_token_program, Finalized)
        answer = await _answer(url, asking, GetTokenAccountsByOwnerResp)
        return [decode_token_account(_present(keyed.account)) for keyed in answer.value]

    async def _finalized_slot(self, url: str) -> int:
        return (await _answer(url, self._clients[url].get_slot(Finalized), GetSlotResp)).value


def _transaction(url: str, latest: int, status: TransactionStatus | None) -> TransactionSeen:
    if status is None:
        return TransactionSeen(endpoint=url, latest=latest)
    return TransactionSeen(
        endpoint=url,
        latest=latest,
        slot=status.slot,
        finalized=status.confirmation_status == TransactionConfirmationStatus.Finalized,
        error=None if status.err is None else str(status.err),
    )


def _state(account: Account | None) -> AccountState | None:
    return None if account is None else _present(account)


def _present(account: Account) -> AccountState:
    return AccountState(lamports=account.lamports, owner=account.owner, data=account.data)


async def _answer(url: str, asking: Awaitable[A], expected: type[A]) -> A:
    """Await a call of the client; none of its exceptions says anything about the chain.

    The client hands on an error of a code that it does not know as if it were the answer.
    """
    try:
        answer: object = await asking
    except SolanaRpcException as error:
        raise _transport_failure(error.__cause__, url) from error
    except RPCException as error:
        message = f"{url}: the node answered with an error: {error}"
        raise Transient(message, endpoint=url) from error
    except ValueError as error:
        raise Transient(f"{url}: not an RPC answer: {error}", endpoint=url) from error
    if isinstance(answer, expected):
        return answer
    raise Transient(f"{url}: the node answered with an error: {answer}", endpoint=url)


def _transport_failure(cause: BaseException | None, url: str) -> Failure:
    message = f"{url}: {type(cause).__name__} {cause}"
    match cause:
        case httpx2.ConnectError():
            return Outage(message, endpoint=url)
        case httpx2.HTTPStatusError() if cause.response.status_code == 429:
            return RateLimited(message, endpoint=url)
        case _:
            return Transient(message, endpoint=url)

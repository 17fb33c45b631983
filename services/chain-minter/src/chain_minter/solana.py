"""The chain as this service uses it: many mints share few calls.

What the mints ask at the same moment is asked together, of one endpoint or, where the answer
decides, of every healthy one. An account that does not decode at one endpoint is read elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf

from solders.message import VersionedMessage
from solders.pubkey import Pubkey
from solders.signature import Signature

from chain_minter import queries
from chain_minter.batching import Batch, Shared
from chain_minter.chain import Landed, Report, Sent
from chain_minter.confirmation import Glance, Status
from chain_minter.endpoints import Endpoints
from chain_minter.hearing import Hearsay, Question, report, statements
from chain_minter.queries import Blockhash, Finalized, Parts, Read
from chain_minter.rpc import Endpoint, Preflight, Refused
from mint_chain.accounts import Metadata
from mint_chain.addresses import edition_address, metadata_address
from mint_chain.update import sets_uri
from mint_resilience.failures import Conflict, Outage, RateLimited, Transient

_PARTS = 3
_MINTS_TOGETHER = queries.MAX_ACCOUNTS // _PARTS
_WRITTEN_BY_A_MINT = 8
_SECONDS_FRESH = 1.0
_NEWEST = 100
"""Transactions that are searched for the one that has set a URI."""


class Solana:
    """Reads and sends through the endpoints; every method raises classified failures."""

    def __init__(
        self, endpoints: Endpoints, *, witnesses: int, sendings_per_endpoint: int = 1
    ) -> None:
        """`witnesses` answers make up for one that can not be had when all are asked. After so many
        sendings of the same bytes the next endpoint gets them."""
        self._endpoints = endpoints
        self._witnesses = witnesses
        self._sendings_per_endpoint = sendings_per_endpoint
        self._statuses = Batch(self._fetch_statuses, size=queries.MAX_STATUSES)
        self._parts = Batch(self._fetch_parts, size=_MINTS_TOGETHER)
        self._hearsay = Batch(self._hear_everybody, size=_MINTS_TOGETHER)
        self._prices = Batch(
            self._fetch_prices, size=queries.MAX_FEE_ACCOUNTS // _WRITTEN_BY_A_MINT
        )
        self._finalized = Shared(self._fetch_finalized, seconds=_SECONDS_FRESH)
        self._blockhash = Shared(self._fetch_blockhash, seconds=_SECONDS_FRESH)
        self._rent = Shared(self._fetch_rent, seconds=inf)

    async def glance(self, signature: Signature) -> Glance:
        """Status as the node remembers it, and the finalized block height (at most 1 s old)."""
        status, finalized = await asyncio.gather(
            self._statuses.get(signature), self._finalized.get()
        )
        return Glance(status=status, finalized_height=finalized.height)

    async def look(self, mint: Pubkey, sent: Sent | None) -> Report:
        """A closer look through the first endpoint that answers with what can be decoded.

        Raises `Conflict` when no endpoint has there what should be.
        """
        status = self._statuses.get(sent.signature) if sent else _nothing()
        seen, finalized, parts = await asyncio.gather(
            status, self._finalized.get(), self._parts.get(mint)
        )
        try:
            return report("the first that answers", seen, finalized, parts.slot, parts.value)
        except Conflict:
            return (await self.look_everywhere(mint, sent))[0]

    async def look_everywhere(self, mint: Pubkey, sent: Sent | None) -> list[Report]:
        """What every healthy endpoint says, each asked for itself, with its whole history.

        Passes over who has there what can not be decoded, but raises its `Conflict` when all have.
        """
        hearsay = await self._hearsay.get((mint, sent))
        reports = [each for each in hearsay if isinstance(each, Report)]
        if not reports:
            raise next(each for each in hearsay if isinstance(each, Conflict))
        return reports

    async def send(self, raw: bytes, *, skip: int, taken: Callable[[], None]) -> None:
        """Hand over a signed transaction that was sent `skip` times before.

        It goes to the best endpoint for some sendings, then to the next (CH-3); when one can not
        take it, at once to the one after it. `taken` is called when one has, or may have. Raises
        `Refused` when its simulation fails there; it says nothing about earlier sendings.
        """

        async def send(endpoint: Endpoint) -> None:
            with _telling_unless_turned_away(taken):
                await queries.send(endpoint, raw)

        await self._endpoints.hand_over(send, skip=skip // self._sendings_per_endpoint)

    async def blockhash(self) -> Blockhash:
        """A blockhash at most 1 s old."""
        return await self._blockhash.get()

    async def recent_prices(self, written: tuple[Pubkey, ...]) -> Sequence[int]:
        """By recent block, what sufficed to write these accounts, micro-lamports per unit.

        Mints that ask at the same moment get the price of all their accounts: those that they do
        not share are new, and so have none of their own.
        """
        return await self._prices.get(written)

    async def mint_rent(self) -> int:
        """Lamports that exempt a mint account from rent."""
        return await self._rent.get()

    async def units_used(self, raw: bytes) -> int:
        """Compute units by simulation. Raises `Refused` when the simulated transaction fails."""
        return await self._endpoints.read(lambda endpoint: queries.units_used(endpoint, raw))

    async def metadata(self, mint: Pubkey) -> Metadata | None:
        """The mint's metadata account."""
        return (await self.look(mint, None)).there.metadata

    async def landed(self, mint: Pubkey, payer: Pubkey) -> Landed:
        """The transaction that made the NFT whole: the payer's first that wrote to its edition.

        Others' are passed over: anyone can send lamports there beforehand. Raises `Transient` when
        none is in the node's history (yet).
        """
        edition = edition_address(mint)
        history = await self._endpoints.read(lambda one: queries.history(one, edition))
        for entry in reversed(history):
            if entry.err is None and await self._payer(entry.signature) == payer:
                return Landed(entry.signature, entry.slot)
        raise Transient(f"mint {mint} is on chain, but its transaction is in no history (yet)")

    async def uri_set(self, mint: Pubkey, uri: str) -> Landed | None:
        """The newest transaction that gave the NFT this URI, whoever paid for it.

        Searched among the newest that name the metadata account, since anyone can name it; None
        when none of these did, or the node's history does not reach back that far.
        """
        account = metadata_address(mint)
        history = await self._endpoints.read(lambda one: queries.history(one, account))
        for entry in history[:_NEWEST]:
            signed = None if entry.err else await self._message(entry.signature)
            if signed is not None and sets_uri(signed, mint, uri):
                return Landed(entry.signature, entry.slot)
        return None

    async def _payer(self, signature: Signature) -> Pubkey | None:
        signed = await self._message(signature)
        return signed.account_keys[0] if signed else None

    async def _message(self, signature: Signature) -> VersionedMessage | None:
        return await self._endpoints.read(lambda one: queries.message(one, signature))

    async def _fetch_statuses(self, signatures: Sequence[Signature]) -> list[Status | None]:
        read = await self._endpoints.read(
            lambda one: queries.statuses(one, signatures, search=False)
        )
        return read.value

    async def _fetch_parts(self, mints: Sequence[Pubkey]) -> list[Read[Parts]]:
        read = await self._endpoints.read(lambda one: queries.parts(one, mints))
        return [Read(read.slot, parts) for parts in read.value]

    async def _hear_everybody(self, questions: Sequence[Question]) -> list[Hearsay]:
        heard = await self._endpoints.every(
            lambda one: statements(one, questions), enough=self._witnesses
        )
        return [list(each) for each in zip(*heard, strict=True)]

    async def _fetch_prices(self, sets: Sequence[tuple[Pubkey, ...]]) -> list[list[int]]:
        written = list(dict.fromkeys(key for each in sets for key in each))
        recent = await self._endpoints.read(
            lambda one: queries.prices(one, written[: queries.MAX_FEE_ACCOUNTS])
        )
        return [recent for _ in sets]

    async def _fetch_finalized(self) -> Finalized:
        return await self._endpoints.read(queries.finalized)

    async def _fetch_blockhash(self) -> Blockhash:
        return await self._endpoints.read(queries.latest_blockhash)

    async def _fetch_rent(self) -> int:
        return await self._endpoints.read(queries.mint_rent)


@contextmanager
def _telling_unless_turned_away(taken: Callable[[], None]) -> Iterator[None]:
    """Who was cut off, or whose reply was lost, may have done its work."""
    try:
        yield
    except BaseException as error:
        if not _is_turned_away(error):
            taken()
        raise
    taken()


def _is_turned_away(error: BaseException) -> bool:
    """Whether the transaction was not even tried: also after its blockhash has expired."""
    if isinstance(error, Refused):
        return error.preflight is Preflight.BLOCKHASH
    return isinstance(error, Outage | RateLimited)


async def _nothing() -> None:
    return None

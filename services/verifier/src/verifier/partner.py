"""The partner: somebody with an RPC endpoint, a public gateway, a wallet and an authority (VE-3).

Nothing here takes anything of ours but these. Source of the steps: how Metaplex's documentation
reads NFTs by owner: token accounts of the wallet, metadata account of each mint, JSON at its URI.
"""

from __future__ import annotations

from collections.abc import Sequence

import httpx
from solders.pubkey import Pubkey

from mint_chain.accounts import AccountState, Metadata, decode_metadata, decode_mint
from mint_chain.addresses import metadata_address
from mint_content.cid import Cid
from mint_resilience.failures import Conflict, Failure, Permanent, Transient
from mint_resilience.http import http_failures, raise_for_status
from mint_runtime.addresses import Address
from verifier.checks.partner import NftSeen, PartnerSeen
from verifier.endpoints import Endpoints, Guards
from verifier.gateways import Gateways
from verifier.looks import look_failed
from verifier.solana import SolanaReader

DEPENDENCY = "partner"


class Partner:
    """Walks the way of a partner; `gateways` are asked in order until one answers."""

    def __init__(self, chain: SolanaReader, gateways: Gateways) -> None:
        self._chain = chain
        self._gateways = gateways

    async def find(self, name: str, wallet: Pubkey, authority: Pubkey, nft: Pubkey) -> PartnerSeen:
        """List the authority's NFTs in the wallet, and fetch the document of the one looked for.

        `name` is the RPC endpoint's. Raises a `Failure` when it, or every gateway, says nothing.
        """
        held = await self._chain.holdings(name, wallet)
        nfts = await self._nfts(name, [h.mint for h in held.value if h.amount == 1], authority)
        uri = next((found.uri for found in nfts if found.mint == nft), None)
        document = await self._document(uri) if uri else None
        return PartnerSeen(slot=held.slot, nfts=nfts, document=document)

    async def _nfts(
        self, name: str, held: Sequence[Pubkey], authority: Pubkey
    ) -> tuple[NftSeen, ...]:
        metadata = [metadata_address(mint) for mint in held]
        states = await self._chain.accounts(name, [*held, *metadata])
        pairs = zip(states[: len(held)], states[len(held) :], strict=True)
        found = [_nft(mint, account) for mint, account in pairs]
        return tuple(
            NftSeen(mint=nft.mint, name=nft.name, uri=nft.uri)
            for nft in found
            if nft and nft.update_authority == authority
        )

    async def _document(self, uri: str) -> bytes | None:
        """The JSON at a URI; None when there is none: every gateway denies it, or it names none."""
        try:
            cid = Cid.from_uri(uri)
        except Permanent:
            return None
        silent: list[Failure] = []
        for gateway in self._gateways.names:
            try:
                answer = await self._gateways.answer(gateway, cid)
            except Failure as failure:
                look_failed(failure, endpoint=gateway)
                silent.append(failure)
                continue
            if answer.content is not None:
                return answer.content
        if silent:
            raise silent[-1]
        return None


def _nft(mint: AccountState | None, metadata: AccountState | None) -> Metadata | None:
    """The metadata of an NFT: a token that exists once, undivided; None for any other token."""
    if mint is None or metadata is None:
        return None
    try:
        token, described = decode_mint(mint), decode_metadata(metadata)
    except Conflict:
        return None
    return described if (token.supply, token.decimals) == (1, 0) else None


class PartnerEndpoint:
    """A partner's own HTTP endpoint, which has `seconds` for an answer; the client is the caller's.

    `GET url?wallet=…&authority=…&mint=…` answers JSON with the level as a whole number in `level`;
    404 means that the partner finds no such NFT.
    """

    def __init__(
        self, http: httpx.AsyncClient, address: Address, guards: Guards, *, seconds: float
    ) -> None:
        self.name = address.name
        self._url = address.url
        self._endpoints = Endpoints(DEPENDENCY, [address], lambda _: http, guards, seconds=seconds)

    async def level(self, query: Sequence[tuple[str, str]]) -> int | None:
        """The level that the partner sees, None for none.

        Raises a `Failure` without an answer, `AllUnavailable` when it may not be asked now.
        """
        return await self._endpoints.ask(self.name, lambda http: self._level(http, query))

    async def _level(self, http: httpx.AsyncClient, query: Sequence[tuple[str, str]]) -> int | None:
        url = httpx.URL(self._url).copy_merge_params(list(query))
        with http_failures(self.name):
            async with http.stream("GET", url) as response:
                if response.status_code == httpx.codes.NOT_FOUND:
                    return None
                raise_for_status(response, self.name)  # of a body unread it shows nothing
                await response.aread()
        return _level(response, self.name)


def _level(response: httpx.Response, name: str) -> int | None:
    try:
        level = response.json()["level"]
    except (ValueError, KeyError, TypeError) as error:
        raise Transient(f"{name}: expected JSON with 'level': {error!r}", endpoint=name) from error
    return level if isinstance(level, int) else None

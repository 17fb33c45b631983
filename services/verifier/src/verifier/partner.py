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
from verifier.checks.partner import NftSeen, PartnerSeen
from verifier.gateways import Gateways
from verifier.rpc import SolanaReader


class Partner:
    """Walks the way of a partner; `gateways` are asked in order until one answers."""

    def __init__(self, chain: SolanaReader, gateways: Gateways) -> None:
        self._chain = chain
        self._gateways = gateways

    async def find(self, url: str, wallet: Pubkey, authority: Pubkey, nft: Pubkey) -> PartnerSeen:
        """List the authority's NFTs in the wallet, and fetch the document of the one looked for.

        Raises a `Failure` when the endpoint, or every gateway, says nothing.
        """
        nfts = await self._nfts(url, wallet, authority)
        uri = next((found.uri for found in nfts if found.mint == nft), None)
        return PartnerSeen(nfts=nfts, document=await self._document(uri) if uri else None)

    async def _nfts(self, url: str, wallet: Pubkey, authority: Pubkey) -> tuple[NftSeen, ...]:
        held = [h.mint for h in await self._chain.holdings(url, wallet) if h.amount == 1]
        metadata = [metadata_address(mint) for mint in held]
        states = await self._chain.accounts(url, [*held, *metadata])
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
        for gateway in self._gateways.urls:
            try:
                answer = await self._gateways.answer(gateway, cid)
            except Failure as failure:
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
    """A partner's own HTTP endpoint.

    `GET url?wallet=…&authority=…&mint=…` answers JSON with the level as a whole number in `level`;
    404 means that the partner finds no such NFT.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def level(self, url: str, query: Sequence[tuple[str, str]]) -> int | None:
        """The level that the partner sees, None for none. Raises a `Failure` without an answer."""
        with http_failures(url):
            response = await self._client.get(url, params=list(query))
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        raise_for_status(response, url)
        return _level(response, url)


def _level(response: httpx.Response, url: str) -> int | None:
    try:
        level = response.json()["level"]
    except (ValueError, KeyError, TypeError) as error:
        raise Transient(f"{url}: expected JSON with 'level': {error!r}", endpoint=url) from error
    return level if isinstance(level, int) else None

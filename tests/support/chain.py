"""What the chain says, asked of the chain: our records take no part in the count."""

from __future__ import annotations

from collections.abc import Iterable

from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solana.rpc.models import MemcmpOpts
from solders.pubkey import Pubkey

from mint_chain.accounts import MINT_BYTES
from mint_chain.addresses import TOKEN_METADATA_PROGRAM, TOKEN_PROGRAM, mint_address

_UPDATE_AUTHORITY_OFFSET = 1
"""A metadata account begins with its kind (one byte), then the update authority."""
_MINT_AUTHORITY_OFFSET = 4
"""A mint account begins with whether it has a mint authority (four bytes), then that."""
_MINT = slice(33, 65)
"""What follows: the address of its token."""


async def count_nfts(rpc_url: str, authority: str) -> int:
    """How many metadata accounts the authority may update: every NFT that it ever made."""
    filters = [MemcmpOpts(offset=_UPDATE_AUTHORITY_OFFSET, bytes=authority)]
    async with AsyncClient(rpc_url) as client:
        answer = await client.get_program_accounts(
            TOKEN_METADATA_PROGRAM, Confirmed, "base64", filters=filters
        )
    return len(answer.value)


async def tokens_without_metadata(rpc_url: str, authority: str) -> set[Pubkey]:
    """Tokens of the authority, at any address, that no metadata account names: no NFTs.

    The authority may mint a token until its master edition is made. Tokens are asked for first, so
    that one whose metadata lands with it is not taken for a stray.
    """
    ours = MemcmpOpts(offset=_MINT_AUTHORITY_OFFSET, bytes=authority)
    filters: list[int | MemcmpOpts] = [MINT_BYTES, ours]
    async with AsyncClient(rpc_url) as client:
        tokens = await client.get_program_accounts(
            TOKEN_PROGRAM, Confirmed, "base64", filters=filters
        )
        named = await client.get_program_accounts(TOKEN_METADATA_PROGRAM, Confirmed, "base64")
    known = {metadata.account.data[_MINT] for metadata in named.value}
    return {token.pubkey for token in tokens.value if bytes(token.pubkey) not in known}


async def supplies(rpc_url: str, authority: str, mint_ids: Iterable[str]) -> dict[str, int]:
    """Supply of the token of each mint_id; 0 where there is none."""
    async with AsyncClient(rpc_url) as client:
        return {
            mint_id: await _supply(client, Pubkey.from_string(authority), mint_id)
            for mint_id in mint_ids
        }


async def _supply(client: AsyncClient, authority: Pubkey, mint_id: str) -> int:
    address = mint_address(authority, mint_id)
    if (await client.get_account_info(address, Confirmed)).value is None:
        return 0
    return int((await client.get_token_supply(address, Confirmed)).value.amount)

"""One mint as it was asked for, and the ways to make the three real layers hold it, or not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import asyncpg
import httpx
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solana.rpc.models import TxOpts
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from mint_chain.addresses import metadata_address, token_account_address
from mint_chain.instructions import missing_steps
from mint_chain.nft import ABSENT, Nft
from mint_chain.transaction import SignedTransaction, sign
from mint_content import metadata
from mint_content.unixfs import cid_of
from mint_events.catalogue import (
    MintConfirmed,
    MintPrepared,
)
from mint_sandbox.postgres import Database
from mint_sandbox.python_servers import IpfsServer, SolanaServer

LEVEL = 7
INSERT_RECORD = """
    insert into mint_record (mint_id, user_id, wallet, level, status, mint_address, metadata_cid,
        image_cid, uri, name, symbol, is_mutable, animation_cid, holds_user_back, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, false, now())
"""
IMAGE = b"\x89PNG\r\n\x1a\n an image of its own: "


@dataclass
class Layers:
    """One mint as it was asked for, and the ways to make the three layers hold it, or not."""

    prepared: MintPrepared
    authority: Keypair
    image: bytes
    document: bytes
    solana: SolanaServer
    ipfs: IpfsServer
    database: Database

    async def pin(self, *contents: bytes) -> None:
        async with httpx.AsyncClient() as http:
            for content in contents:
                answer = await http.post(
                    f"{self.ipfs.kubo_rpc_url}/api/v0/add?cid-version=1", files={"file": content}
                )
                answer.raise_for_status()

    async def mint(self, *, steps: int | None = None, **changed: Any) -> MintConfirmed:
        """Make the NFT, `changed` from what was prepared, with the first `steps` only."""
        nft = replace(self.nft, **changed)
        async with AsyncClient(self.solana.rpc_url, Confirmed) as client:
            rent = (await client.get_minimum_balance_for_rent_exemption(82)).value
            latest = (await client.get_latest_blockhash(Confirmed)).value
            wanted = missing_steps(nft, ABSENT, rent=rent)[:steps]
            signed = sign(wanted, self.authority, latest.blockhash, units=300_000, price=1)
            slot = await _land(client, signed)
        return MintConfirmed(
            mint_id=self.prepared.mint_id,
            mint_address=str(nft.mint),
            metadata_address=str(metadata_address(nft.mint)),
            token_account=str(token_account_address(nft.wallet, nft.mint)),
            signature=str(signed.signature),
            slot=slot,
            prepared=self.prepared,
        )

    @property
    def nft(self) -> Nft:
        return Nft(
            mint_id=self.prepared.mint_id,
            authority=self.authority.pubkey(),
            wallet=Pubkey.from_string(self.prepared.wallet),
            name=self.prepared.name,
            symbol=self.prepared.symbol,
            uri=self.prepared.uri,
            seller_fee_basis_points=self.prepared.seller_fee_basis_points,
            creators=(),
            collection=None,
            is_mutable=True,
        )

    async def record(self, status: str = "confirmed", **changed: Any) -> None:
        wanted = replace(self.prepared, **changed)
        await self.execute(
            INSERT_RECORD,
            wanted.mint_id,
            wanted.user_id,
            wanted.wallet,
            wanted.level,
            status,
            wanted.mint_address,
            wanted.metadata_cid,
            wanted.image_cid,
            wanted.uri,
            wanted.name,
            wanted.symbol,
            wanted.is_mutable,
            wanted.animation_cid,
        )

    async def lock(self) -> None:
        prepared = self.prepared
        await self.execute(
            "insert into user_lock values ($1, $2, 1, now())", prepared.user_id, prepared.mint_id
        )

    async def execute(self, statement: str, *values: Any) -> None:
        connection = await asyncpg.connect(self.database.dsn())
        try:
            await connection.execute(statement, *values)
        finally:
            await connection.close()

    async def all_right(self) -> MintConfirmed:
        """Make all three layers as they should be."""
        await self.pin(self.image, self.document)
        await self.record()
        return await self.mint()


async def _land(client: AsyncClient, signed: SignedTransaction) -> int:
    options = TxOpts(preflight_commitment=Confirmed)
    await client.send_raw_transaction(signed.raw, options)
    answer = await client.confirm_transaction(signed.signature, Confirmed, sleep_seconds=0.05)
    assert answer.value[0] is not None
    assert answer.value[0].err is None
    return answer.value[0].slot


def document_of(image: bytes, level: int) -> bytes:
    return metadata.compose(
        name="Hero",
        symbol="HERO",
        description="",
        level=level,
        image=cid_of(image),
        image_type="image/png",
    ).to_bytes()


def prepare(mint_id: str, authority: Pubkey, image: bytes, document: bytes) -> MintPrepared:
    cid = cid_of(document)
    nft = Nft(
        mint_id=mint_id,
        authority=authority,
        wallet=Keypair().pubkey(),
        name="Hero",
        symbol="HERO",
        uri=cid.uri,
        seller_fee_basis_points=500,
        creators=(),
        collection=None,
        is_mutable=True,
    )
    return MintPrepared(
        mint_id=mint_id,
        user_id=f"user-of-{mint_id}",
        fencing_token=1,
        authority=str(authority),
        mint_address=str(nft.mint),
        wallet=str(nft.wallet),
        name=nft.name,
        symbol=nft.symbol,
        uri=nft.uri,
        level=LEVEL,
        seller_fee_basis_points=nft.seller_fee_basis_points,
        creators=(),
        collection=None,
        is_mutable=True,
        image_cid=str(cid_of(image)),
        image_sha256=sha256(image).hexdigest(),
        metadata_cid=str(cid),
    )

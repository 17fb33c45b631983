"""What has to be found in the three layers if a mint is what it claims to be.

Every address is derived here again, from the mint_id and the authority of this service's own
settings: where an event says otherwise, the event is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

from solders.pubkey import Pubkey

from mint_chain.addresses import (
    edition_address,
    metadata_address,
    mint_address,
    parse_address,
    token_account_address,
)
from mint_content.cid import Cid
from mint_events.catalogue import Creator, LockHold, MintConfirmed


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One mint as it should be.

    `slot` is where the minter saw its transaction; `lock_until_completed` says whether the mint
    still holds its user's lock once it is verified.
    """

    mint_id: str
    user_id: str
    authority: Pubkey
    wallet: Pubkey
    signature: str
    slot: int
    mint: Pubkey
    token_account: Pubkey
    metadata_account: Pubkey
    master_edition: Pubkey
    name: str
    symbol: str
    uri: str
    level: int
    seller_fee_basis_points: int
    creators: tuple[Creator, ...]
    collection: str | None
    is_mutable: bool
    metadata_cid: Cid
    image_cid: Cid
    image_sha256: str
    animation_cid: Cid | None
    animation_sha256: str | None
    lock_until_completed: bool


def expectation(confirmed: MintConfirmed, authority: Pubkey) -> Expectation:
    """Derive what to look for. Raises `Permanent` when the event names no address or CID."""
    prepared = confirmed.prepared
    mint = mint_address(authority, confirmed.mint_id)
    wallet = parse_address(prepared.wallet)
    return Expectation(
        mint_id=confirmed.mint_id,
        user_id=prepared.user_id,
        authority=authority,
        wallet=wallet,
        signature=confirmed.signature,
        slot=confirmed.slot,
        mint=mint,
        token_account=token_account_address(wallet, mint),
        metadata_account=metadata_address(mint),
        master_edition=edition_address(mint),
        name=prepared.name,
        symbol=prepared.symbol,
        uri=prepared.uri,
        level=prepared.level,
        seller_fee_basis_points=prepared.seller_fee_basis_points,
        creators=prepared.creators,
        collection=prepared.collection,
        is_mutable=prepared.is_mutable,
        metadata_cid=Cid.from_uri(prepared.uri),
        image_cid=Cid.parse(prepared.image_cid),
        image_sha256=prepared.image_sha256,
        animation_cid=Cid.parse(prepared.animation_cid) if prepared.animation_cid else None,
        animation_sha256=prepared.animation_sha256,
        lock_until_completed=prepared.lock_held_until is LockHold.COMPLETED,
    )

"""The checks: their names, the phase each belongs to, and the layer it speaks of."""

from __future__ import annotations

from enum import StrEnum


class Layer(StrEnum):
    """Where a check looks."""

    SOLANA = "solana"
    IPFS = "ipfs"
    DATABASE = "database"
    PARTNER = "partner"


class Check(StrEnum):
    """A check by the name that its events carry."""

    TRANSACTION_FINALIZED = "transaction_finalized"
    MINT_ACCOUNT = "mint_account"
    TOKEN_ACCOUNT = "token_account"  # noqa: S105 - an account, not a secret
    METADATA_ACCOUNT = "metadata_account"
    MASTER_EDITION = "master_edition"
    METADATA_RETRIEVABLE = "metadata_retrievable"
    METADATA_LEVEL = "metadata_level"
    RECORD_AGREES = "record_agrees"
    METADATA_AVAILABLE = "metadata_available"
    IMAGE_AVAILABLE = "image_available"
    ANIMATION_AVAILABLE = "animation_available"
    PARTNER_FLOW = "partner_flow"
    PARTNER_ENDPOINT = "partner_endpoint"
    NOTHING_ORPHANED = "nothing_orphaned"


LAYERS = {
    Check.TRANSACTION_FINALIZED: Layer.SOLANA,
    Check.MINT_ACCOUNT: Layer.SOLANA,
    Check.TOKEN_ACCOUNT: Layer.SOLANA,
    Check.METADATA_ACCOUNT: Layer.SOLANA,
    Check.MASTER_EDITION: Layer.SOLANA,
    Check.METADATA_RETRIEVABLE: Layer.IPFS,
    Check.METADATA_LEVEL: Layer.IPFS,
    Check.RECORD_AGREES: Layer.DATABASE,
    Check.METADATA_AVAILABLE: Layer.IPFS,
    Check.IMAGE_AVAILABLE: Layer.IPFS,
    Check.ANIMATION_AVAILABLE: Layer.IPFS,
    Check.PARTNER_FLOW: Layer.PARTNER,
    Check.PARTNER_ENDPOINT: Layer.PARTNER,
    Check.NOTHING_ORPHANED: Layer.DATABASE,
}

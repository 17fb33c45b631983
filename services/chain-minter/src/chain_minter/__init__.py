"""Mints exactly one NFT per mint_id."""

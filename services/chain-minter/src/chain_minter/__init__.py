"""chain-minter owns the chain: it mints exactly one NFT per mint_id, and says when it is there."""

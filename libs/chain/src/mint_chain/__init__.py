"""Solana and Token Metadata: addresses, instructions, account layouts."""

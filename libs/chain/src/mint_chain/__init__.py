"""Solana and Token Metadata: addresses, instructions, account layouts and transactions.

Pure: nothing here asks a network, a clock or a random source.
"""

"""Where the accounts of an NFT lie; every address follows from the authority and the mint_id.

Sources: Solana's `create_with_seed` (sha256(base, seed, owner)), the Associated Token Account
program, and Token Metadata's program-derived addresses (its `pda` module).
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from solders.pubkey import Pubkey

from mint_resilience.failures import Permanent

TOKEN_PROGRAM: Final = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
ASSOCIATED_TOKEN_PROGRAM: Final = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
TOKEN_METADATA_PROGRAM: Final = Pubkey.from_string("metaqbxxUerdq28cj1RbAWkYQm3ybzjb6a8bt518x1s")

_SEED_CHARACTERS = 32
"""The longest seed that `create_with_seed` takes: 32 hex digits are 128 bits of the hash."""


def mint_seed(mint_id: str) -> str:
    """The seed of a mint account: the first 32 hex digits of SHA-256 over the mint_id."""
    return sha256(mint_id.encode()).hexdigest()[:_SEED_CHARACTERS]


def mint_address(authority: Pubkey, mint_id: str) -> Pubkey:
    """The only address at which the authority makes the NFT of this mint_id."""
    return Pubkey.create_with_seed(authority, mint_seed(mint_id), TOKEN_PROGRAM)


def metadata_address(mint: Pubkey) -> Pubkey:
    """Address of the mint's Token Metadata account."""
    return _metadata_pda(mint)


def edition_address(mint: Pubkey) -> Pubkey:
    """Address of the mint's master edition, which is its mint authority after the mint."""
    return _metadata_pda(mint, b"edition")


def token_account_address(wallet: Pubkey, mint: Pubkey) -> Pubkey:
    """Address of the wallet's associated token account for the mint."""
    seeds = [bytes(wallet), bytes(TOKEN_PROGRAM), bytes(mint)]
    return Pubkey.find_program_address(seeds, ASSOCIATED_TOKEN_PROGRAM)[0]


def parse_address(text: str) -> Pubkey:
    """Read a base58 address. Raises `Permanent` when it is none."""
    try:
        return Pubkey.from_string(text)
    except ValueError as error:
        raise Permanent(
            f"{text!r} is not a Solana address ({error}): give 32 bytes in base58"
        ) from error


def parse_wallet(text: str) -> Pubkey:
    """Read the address of a wallet: one that a key can sign for.

    Raises `Permanent` when it is no address, or off the curve (a program-derived address, for
    which no key exists).
    """
    address = parse_address(text)
    if not address.is_on_curve():
        raise Permanent(
            f"{text} is not a wallet: it is off the ed25519 curve, so no key can sign for it;"
            " give the address of a wallet, not of a program's account"
        )
    return address


def _metadata_pda(mint: Pubkey, *suffix: bytes) -> Pubkey:
    seeds = [b"metadata", bytes(TOKEN_METADATA_PROGRAM), bytes(mint), *suffix]
    return Pubkey.find_program_address(seeds, TOKEN_METADATA_PROGRAM)[0]

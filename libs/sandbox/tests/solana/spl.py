"""The few SPL Token instructions that the tests need, packed by hand after the program's layout."""

from __future__ import annotations

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.system_program import CreateAccountParams, create_account
from solders.token.associated import get_associated_token_address

from mint_sandbox.solana.token_accounts import SPL_TOKEN

MINT_SIZE = 82
_ASSOCIATED_TOKEN = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
_MINT_TO, _INITIALIZE_MINT_2, _CREATE = 7, 20, 0


def create_mint(payer: Pubkey, mint: Pubkey, decimals: int, rent: int) -> list[Instruction]:
    allocation = CreateAccountParams(
        from_pubkey=payer, to_pubkey=mint, lamports=rent, space=MINT_SIZE, owner=SPL_TOKEN
    )
    initialize = bytes((_INITIALIZE_MINT_2, decimals)) + bytes(payer) + b"\0"
    return [create_account(allocation), Instruction(SPL_TOKEN, initialize, [_written(mint)])]


def mint_to(payer: Pubkey, mint: Pubkey, owner: Pubkey, amount: int) -> list[Instruction]:
    account = get_associated_token_address(owner, mint)
    create = [
        AccountMeta(payer, is_signer=True, is_writable=True),
        _written(account),
        *(_read(key) for key in (owner, mint, SYSTEM_PROGRAM, SPL_TOKEN)),
    ]
    issue = [_written(mint), _written(account), AccountMeta(payer, True, False)]
    return [
        Instruction(_ASSOCIATED_TOKEN, bytes((_CREATE,)), create),
        Instruction(SPL_TOKEN, bytes((_MINT_TO,)) + amount.to_bytes(8, "little"), issue),
    ]


def _written(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=True)


def _read(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=False)

"""Decoding is strict: what is not exactly the expected account is refused with what is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.token.state import Mint

from mint_chain import borsh
from mint_chain.accounts import (
    AccountState,
    MasterEdition,
    StoredUses,
    decode_master_edition,
    decode_metadata,
    decode_mint,
    decode_token_account,
)
from mint_chain.addresses import TOKEN_METADATA_PROGRAM, TOKEN_PROGRAM
from mint_chain.nft import OnChain, observe
from mint_resilience.failures import Conflict

ADDRESS = Pubkey.from_bytes(bytes(range(32)))
FIELDS = (
    borsh.u8(4),
    bytes(ADDRESS),
    bytes(ADDRESS),
    borsh.string("name\0\0"),
    borsh.string("symbol"),
    borsh.string("uri"),
    borsh.u16(500),
    borsh.option(borsh.vector([bytes(ADDRESS) + borsh.boolean(True) + borsh.u8(100)])),
    borsh.boolean(False),
    borsh.boolean(True),
    borsh.option(borsh.u8(255)),
    borsh.option(borsh.u8(0)),
    borsh.option(borsh.boolean(True) + bytes(ADDRESS)),
    borsh.option(borsh.u8(0) + borsh.u64(1) + borsh.u64(2)),
    borsh.option(borsh.u8(0)),
)
METADATA = AccountState(1, TOKEN_METADATA_PROGRAM, b"".join(FIELDS))
MINT = AccountState(1, TOKEN_PROGRAM, bytes(Mint(ADDRESS, 1, 0, True, None)))


def test_metadata_with_every_optional_field_is_read() -> None:
    metadata = decode_metadata(METADATA)

    assert metadata.name == "name"
    assert metadata.collection is not None
    assert metadata.collection.verified
    assert metadata.uses == StoredUses(method=0, remaining=1, total=2)
    assert metadata.sized


@given(st.integers(min_value=0, max_value=len(METADATA.data) - 1))
def test_truncated_metadata_is_refused_with_the_place(length: int) -> None:
    with pytest.raises(Conflict, match=r"metadata account: byte \d+: \d+ bytes wanted"):
        decode_metadata(replace(METADATA, data=METADATA.data[:length]))


@given(st.binary(max_size=300))
def test_bytes_that_end_too_early_are_refused_but_never_crash(data: bytes) -> None:
    endless_name = b"\4" + bytes(64) + b"\xff\xff\xff\xff"

    with pytest.raises(Conflict, match="metadata account: byte 69"):
        decode_metadata(replace(METADATA, data=endless_name + data))


def test_a_name_that_is_not_utf_8_is_refused() -> None:
    data = METADATA.data.replace(b"name", b"\xff\xff\xff\xff")

    with pytest.raises(Conflict, match="string is not UTF-8"):
        decode_metadata(replace(METADATA, data=data))


def test_another_kind_of_account_of_the_same_program_is_refused() -> None:
    with pytest.raises(Conflict, match=r"master edition: kind .* is 4, expected 6"):
        decode_master_edition(METADATA)


@pytest.mark.parametrize(
    ("decode", "account"),
    [
        (decode_metadata, METADATA),
        (decode_master_edition, METADATA),
        (decode_mint, MINT),
        (decode_token_account, MINT),
    ],
)
def test_an_account_of_another_program_is_refused(decode, account) -> None:  # type: ignore[no-untyped-def]  # any decoder
    with pytest.raises(Conflict, match=f"owned by {SYSTEM_PROGRAM}, expected"):
        decode(replace(account, owner=SYSTEM_PROGRAM))


def test_a_mint_of_the_wrong_size_is_refused() -> None:
    with pytest.raises(Conflict, match="mint account: 83 bytes, expected 82"):
        decode_mint(replace(MINT, data=MINT.data + b"\0"))


@pytest.mark.parametrize("data", [bytes(82), b"\5" * 82])
def test_a_mint_that_is_not_initialized_or_not_valid_is_refused(data: bytes) -> None:
    with pytest.raises(Conflict, match="mint account: not initialized or not valid"):
        decode_mint(replace(MINT, data=data))


def test_a_token_account_that_is_not_initialized_is_refused() -> None:
    with pytest.raises(Conflict, match="token account: not initialized or not valid"):
        decode_token_account(AccountState(1, TOKEN_PROGRAM, bytes(165)))


def test_an_edition_without_limit_has_no_maximal_supply() -> None:
    data = borsh.u8(6) + borsh.u64(3) + borsh.option(None)

    edition = decode_master_edition(AccountState(1, TOKEN_METADATA_PROGRAM, data))

    assert edition == MasterEdition(supply=3, max_supply=None)


def test_an_address_that_merely_holds_lamports_counts_as_absent() -> None:
    funded = AccountState(5, SYSTEM_PROGRAM, b"")

    assert observe(funded, funded, None) == OnChain(lamports=5)


def test_a_foreign_account_at_the_mints_address_is_no_absence() -> None:
    with pytest.raises(Conflict, match="mint account: owned by"):
        observe(replace(MINT, owner=TOKEN_METADATA_PROGRAM), None, None)

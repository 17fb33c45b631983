"""The pure parts, where a small mistake would mislead every test above them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.account import Account
from solders.pubkey import Pubkey

from mint_sandbox.solana import base58
from mint_sandbox.solana.token_accounts import ui_amount
from mint_sandbox.solana.versions import AccountVersions

KEY = Pubkey.new_unique()


def holding(lamports: int) -> Account:
    return Account(lamports, b"", Pubkey.default())


@given(st.binary(max_size=80))
def test_base58_reads_back_what_it_wrote(data: bytes) -> None:
    assert base58.decode(base58.encode(data)) == data


@given(st.binary(min_size=32, max_size=32))
def test_base58_agrees_with_solders(data: bytes) -> None:
    assert base58.encode(data) == str(Pubkey.from_bytes(data))


def test_base58_refuses_what_is_not_in_its_alphabet() -> None:
    with pytest.raises(ValueError, match="'0'"):
        base58.decode("10")


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9)), max_size=30), st.integers(0, 160))
def test_account_versions_answer_like_a_full_record_until_finalized(
    writes: list[tuple[int, int]], back: int
) -> None:
    versions, slot = AccountVersions(), 0
    record: dict[int, Account | None] = {0: None}
    for step, lamports in writes:
        slot += step
        present = record[max(record)]
        record[slot] = holding(lamports)
        versions.record(slot, KEY, present, record[slot])
    finalized = slot - back

    versions.finalize(finalized)

    latest = record[max(record)]
    for asked in range(max(finalized, 0), slot + 1):
        expected = record[max(since for since in record if since <= asked)]
        seen = versions.at(asked, KEY) if KEY in versions else latest
        assert seen == expected


def test_versions_are_forgotten_once_they_are_final() -> None:
    versions = AccountVersions()
    for slot in range(1, 1000):
        versions.record(slot, Pubkey.new_unique(), None, holding(slot))
        versions.finalize(slot - 32)

    assert len(versions.unsettled()) == 32


@pytest.mark.parametrize(
    ("amount", "decimals", "text"),
    [(1, 0, "1"), (0, 9, "0"), (1250, 2, "12.5"), (1, 9, "0.000000001"), (100, 0, "100")],
)
def test_amounts_are_shown_without_needless_zeros(amount: int, decimals: int, text: str) -> None:
    assert ui_amount(amount, decimals)["uiAmountString"] == text

"""Token queries on a real SPL mint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from solana.rpc.commitment import Confirmed, Finalized, Processed
from solana.rpc.core import RPCException
from solana.rpc.models import MemcmpOpts, TokenAccountOpts
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.token.associated import get_associated_token_address
from solders.token.state import TokenAccount

from mint_sandbox.solana import Running
from mint_sandbox.solana.token_accounts import SPL_TOKEN, TOKEN_2022

from . import spl
from .wallet import Wallet


@dataclass
class Issued:
    """A mint with two decimals: 12.5 tokens for one holder, 0.3 for another."""

    mint: Pubkey
    rich: Pubkey
    poor: Pubkey


def parsed(account: Any) -> dict[str, Any]:
    """What the node read in an account, in a form without a type of its own."""
    info: dict[str, Any] = account.data.parsed["info"]
    return info


@pytest.fixture
async def issued(chain: Running, wallet: Wallet) -> Issued:
    mint, rich, poor = Keypair(), Pubkey.new_unique(), Pubkey.new_unique()
    size = spl.MINT_SIZE
    rent = (await wallet.client.get_minimum_balance_for_rent_exemption(size, Finalized)).value
    instructions = [
        *spl.create_mint(wallet.address, mint.pubkey(), decimals=2, rent=rent),
        *spl.mint_to(wallet.address, mint.pubkey(), rich, 1250),
        *spl.mint_to(wallet.address, mint.pubkey(), poor, 30),
    ]
    await wallet.send(await wallet.signed(instructions, [mint]))
    chain.pass_slots(1)
    return Issued(mint.pubkey(), rich, poor)


async def test_a_wallets_token_accounts_are_found_by_mint_and_by_program(
    wallet: Wallet, issued: Issued
) -> None:
    account = get_associated_token_address(issued.rich, issued.mint)
    by_mint = await wallet.client.get_token_accounts_by_owner(
        issued.rich, TokenAccountOpts(mint=issued.mint), Confirmed
    )
    by_program = await wallet.client.get_token_accounts_by_owner(
        issued.rich, TokenAccountOpts(program_id=SPL_TOKEN), Confirmed
    )
    by_other_program = await wallet.client.get_token_accounts_by_owner(
        issued.rich, TokenAccountOpts(program_id=TOKEN_2022), Confirmed
    )

    assert [one.pubkey for one in by_mint.value] == [account]
    assert by_mint.value == by_program.value
    assert by_other_program.value == []
    assert TokenAccount.from_bytes(by_mint.value[0].account.data).amount == 1250


async def test_token_accounts_appear_at_the_commitment_asked_for(
    chain: Running, wallet: Wallet, issued: Issued
) -> None:
    async def held() -> int:
        found = await wallet.client.get_token_accounts_by_owner(
            issued.rich, TokenAccountOpts(mint=issued.mint), Finalized
        )
        return len(found.value)

    before = await held()
    chain.pass_slots(32)

    assert (before, await held()) == (0, 1)


async def test_supply_balance_and_largest_holders_agree(wallet: Wallet, issued: Issued) -> None:
    account = get_associated_token_address(issued.rich, issued.mint)
    supply = (await wallet.client.get_token_supply(issued.mint, Confirmed)).value
    balance = (await wallet.client.get_token_account_balance(account, Confirmed)).value
    largest = (await wallet.client.get_token_largest_accounts(issued.mint, Confirmed)).value

    assert (supply.amount, supply.ui_amount_string) == ("1280", "12.8")
    assert (balance.amount, balance.decimals, balance.ui_amount) == ("1250", 2, 12.5)
    assert [one.amount.amount for one in largest] == ["1250", "30"]
    assert largest[0].address == account


async def test_token_accounts_and_mints_are_parsed_for_who_asks(
    wallet: Wallet, issued: Issued
) -> None:
    accounts = await wallet.client.get_token_accounts_by_owner_json_parsed(
        issued.rich, TokenAccountOpts(mint=issued.mint), Confirmed
    )
    mint = await wallet.client.get_account_info_json_parsed(issued.mint, Confirmed)

    account = parsed(accounts.value[0].account)
    assert account["owner"] == str(issued.rich)
    assert account["tokenAmount"]["uiAmountString"] == "12.5"
    assert parsed(mint.value)["supply"] == "1280"


async def test_program_accounts_are_filtered_by_size_and_bytes(
    wallet: Wallet, issued: Issued
) -> None:
    of_mint = MemcmpOpts(offset=0, bytes=str(issued.mint))
    found = await wallet.client.get_program_accounts(
        SPL_TOKEN, Confirmed, "base64", filters=[165, of_mint]
    )
    mints = await wallet.client.get_program_accounts(
        SPL_TOKEN, Confirmed, "base64", filters=[spl.MINT_SIZE]
    )

    holders = {
        get_associated_token_address(owner, issued.mint) for owner in (issued.rich, issued.poor)
    }
    assert {one.pubkey for one in found.value} == holders
    assert issued.mint in {one.pubkey for one in mints.value}


async def test_a_transaction_tells_token_balances_before_and_after(
    chain: Running, wallet: Wallet, issued: Issued
) -> None:
    latest = await wallet.client.get_signatures_for_address(issued.mint, commitment=Confirmed)
    found = await wallet.client.get_transaction(latest.value[0].signature, commitment=Confirmed)

    assert found.value is not None
    meta = found.value.transaction.meta
    assert meta is not None
    assert meta.pre_token_balances == []
    assert {
        (balance.owner, balance.ui_token_amount.amount)
        for balance in meta.post_token_balances or []
    } == {(issued.rich, "1250"), (issued.poor, "30")}


async def test_inner_instructions_are_told_of_what_landed_but_not_of_a_simulation(
    wallet: Wallet, issued: Issued
) -> None:
    more = spl.mint_to(wallet.address, issued.mint, Pubkey.new_unique(), 1)
    latest = await wallet.client.get_signatures_for_address(issued.mint, commitment=Confirmed)

    simulated = await wallet.client.simulate_transaction(
        await wallet.signed(more), commitment=Confirmed
    )
    landed = await wallet.client.get_transaction(latest.value[0].signature, commitment=Confirmed)

    assert simulated.value.err is None
    assert simulated.value.inner_instructions is None  # clients expect them parsed there
    assert landed.value is not None
    assert landed.value.transaction.meta is not None
    inner = landed.value.transaction.meta.inner_instructions or []
    assert [one.index for one in inner] == [2, 4]  # the two creations of a token account


async def test_asking_for_tokens_of_what_is_no_token_says_so(wallet: Wallet) -> None:
    with pytest.raises(RPCException, match="could not find mint"):
        await wallet.client.get_token_supply(Pubkey.new_unique(), Processed)
    with pytest.raises(RPCException, match="not a Token mint"):
        await wallet.client.get_token_supply(wallet.address, Processed)

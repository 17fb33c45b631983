"""Sending: what is refused, what is dropped without a word, what lands although it failed."""

from __future__ import annotations

import pytest
from solana.rpc.commitment import Confirmed, Finalized, Processed
from solana.rpc.core import RPCException
from solana.rpc.models import TxOpts
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.rpc.errors import (
    RpcCustomErrorFieldless,
    SendTransactionPreflightFailureMessage,
    UnsupportedTransactionVersionMessage,
)
from solders.signature import Signature
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from mint_sandbox.solana import Running

from .wallet import SOL, Wallet

LAST_BLOCK_FOR_A_HASH = 151  # 150 younger hashes may be queued, and the open block has none yet


async def preflight_failure(wallet: Wallet, transaction: VersionedTransaction) -> object:
    with pytest.raises(RPCException) as refused:
        await wallet.send(transaction)
    return refused.value.args[0]


async def balance(wallet: Wallet, key: Pubkey) -> int:
    return (await wallet.client.get_balance(key, Processed)).value


async def test_a_transaction_lands_in_the_last_block_that_takes_its_blockhash(
    chain: Running, wallet: Wallet
) -> None:
    to = Pubkey.new_unique()
    transaction = await wallet.payment(to, SOL)
    chain.pass_slots(LAST_BLOCK_FOR_A_HASH - 1)

    await wallet.send(transaction, skip_preflight=True)

    assert await balance(wallet, to) == SOL


async def test_an_expired_transaction_is_dropped_and_still_gets_a_signature(
    chain: Running, wallet: Wallet
) -> None:
    to = Pubkey.new_unique()
    latest = (await wallet.client.get_latest_blockhash(Confirmed)).value
    transaction = await wallet.payment(to, SOL, blockhash=latest.blockhash)
    chain.pass_slots(LAST_BLOCK_FOR_A_HASH)

    signature = await wallet.send(transaction, skip_preflight=True)
    chain.pass_slots(33)
    found = await wallet.client.get_signature_statuses([signature], search_transaction_history=True)
    height = (await wallet.client.get_block_height(Finalized)).value

    assert signature == transaction.signatures[0]
    assert await balance(wallet, to) == 0
    assert found.value == [None]
    assert height > latest.last_valid_block_height


async def test_preflight_refuses_an_expired_blockhash(chain: Running, wallet: Wallet) -> None:
    transaction = await wallet.payment(Pubkey.new_unique(), SOL)
    chain.pass_slots(LAST_BLOCK_FOR_A_HASH + 1)

    failure = await preflight_failure(wallet, transaction)

    assert isinstance(failure, SendTransactionPreflightFailureMessage)
    assert failure.message == "Transaction simulation failed: Blockhash not found"
    assert str(failure.data.err) == "TransactionErrorFieldless.BlockhashNotFound"


async def test_preflight_at_finalized_does_not_know_a_confirmed_blockhash(wallet: Wallet) -> None:
    transaction = await wallet.payment(Pubkey.new_unique(), SOL)

    with pytest.raises(RPCException, match="Blockhash not found"):
        await wallet.client.send_transaction(transaction, TxOpts(preflight_commitment=Finalized))


async def test_preflight_at_finalized_does_not_see_lamports_that_are_only_confirmed(
    chain: Running, wallet: Wallet
) -> None:
    fresh = Keypair()
    await wallet.send(await wallet.payment(fresh.pubkey(), SOL))
    chain.pass_slots(2)
    blockhash = (await wallet.client.get_latest_blockhash(Finalized)).value.blockhash
    payment = await Wallet(wallet.client, fresh).payment(wallet.address, 1_000, blockhash)

    with pytest.raises(RPCException, match="no record of a prior credit"):
        await wallet.client.send_transaction(payment, TxOpts(preflight_commitment=Finalized))
    await wallet.send(payment)

    assert await balance(wallet, fresh.pubkey()) == SOL - 5_000 - 1_000


async def test_preflight_failure_carries_error_logs_and_units(wallet: Wallet) -> None:
    failure = await preflight_failure(wallet, await wallet.payment(Pubkey.new_unique(), 100 * SOL))

    assert isinstance(failure, SendTransactionPreflightFailureMessage)
    expected = "Error processing Instruction 0: custom program error: 0x1"
    assert failure.message == f"Transaction simulation failed: {expected}"
    assert failure.data.logs is not None
    assert any("insufficient lamports" in line for line in failure.data.logs)
    assert failure.data.units_consumed == 150
    assert "InstructionErrorCustom(1)" in str(failure.data.err)


async def test_a_failed_transaction_lands_pays_its_fee_and_keeps_its_error(
    chain: Running, wallet: Wallet
) -> None:
    before = await balance(wallet, wallet.address)
    signature = await wallet.send(
        await wallet.payment(Pubkey.new_unique(), 100 * SOL), skip_preflight=True
    )
    chain.pass_slots(1)
    status = (await wallet.client.get_signature_statuses([signature])).value[0]
    landed = (await wallet.client.get_transaction(signature, commitment=Confirmed)).value

    assert await balance(wallet, wallet.address) == before - 5_000
    assert status is not None
    assert "InstructionErrorCustom(1)" in str(status.err)
    assert landed is not None
    assert landed.transaction.meta is not None
    assert landed.transaction.meta.fee == 5_000
    assert landed.transaction.meta.err == status.err


async def test_a_duplicate_is_refused_by_preflight_and_harmless_without_it(
    chain: Running, wallet: Wallet
) -> None:
    to = Pubkey.new_unique()
    transaction = await wallet.payment(to, SOL)
    first = await wallet.send(transaction)
    chain.pass_slots(1)

    failure = await preflight_failure(wallet, transaction)
    again = await wallet.send(transaction, skip_preflight=True)

    assert isinstance(failure, SendTransactionPreflightFailureMessage)
    assert str(failure.data.err) == "TransactionErrorFieldless.AlreadyProcessed"
    assert again == first
    assert await balance(wallet, to) == SOL


async def test_a_wrong_signature_is_refused_by_preflight_and_dropped_without_it(
    wallet: Wallet,
) -> None:
    to = Pubkey.new_unique()
    message = (await wallet.payment(to, SOL)).message
    forged = VersionedTransaction.populate(message, [Signature.new_unique()])

    failure = await preflight_failure(wallet, forged)
    await wallet.send(forged, skip_preflight=True)

    assert failure == RpcCustomErrorFieldless.TransactionSignatureVerificationFailure
    assert await balance(wallet, to) == 0


async def test_simulation_tells_units_and_accounts_and_changes_nothing(wallet: Wallet) -> None:
    to = Pubkey.new_unique()
    transaction = await wallet.payment(to, SOL, blockhash=Hash.new_unique())

    unknown = await wallet.client.simulate_transaction(transaction, commitment=Confirmed)
    replaced = await wallet.client.simulate_transaction(
        transaction, commitment=Confirmed, replace_recent_blockhash=True
    )

    assert str(unknown.value.err) == "TransactionErrorFieldless.BlockhashNotFound"
    assert replaced.value.err is None
    assert replaced.value.units_consumed == 150
    assert await balance(wallet, to) == 0


async def test_a_landed_transaction_tells_its_balances_and_block(
    chain: Running, wallet: Wallet
) -> None:
    to, slot = Pubkey.new_unique(), chain.ledger.chain.tip.slot
    signature = await wallet.send(await wallet.payment(to, SOL))
    unsettled = await wallet.client.get_transaction(signature, commitment=Confirmed)
    chain.pass_slots(1)
    landed = (await wallet.client.get_transaction(signature, "base64", Confirmed)).value

    assert unsettled.value is None
    assert landed is not None
    assert landed.slot == slot
    assert landed.block_time == (await wallet.client.get_block_time(slot)).value
    meta = landed.transaction.meta
    assert meta is not None
    assert (meta.pre_balances[1], meta.post_balances[1]) == (0, SOL)
    assert meta.pre_balances[0] - meta.post_balances[0] == SOL + 5_000


async def test_a_versioned_transaction_needs_a_client_that_says_it_knows_it(
    chain: Running, wallet: Wallet
) -> None:
    pay = TransferParams(from_pubkey=wallet.address, to_pubkey=Pubkey.new_unique(), lamports=SOL)
    message = MessageV0.try_compile(wallet.address, [transfer(pay)], [], await wallet.blockhash())
    signature = await wallet.send(VersionedTransaction(message, [wallet.key]))
    chain.pass_slots(1)

    known = await wallet.client.get_transaction(
        signature, commitment=Confirmed, max_supported_transaction_version=0
    )
    with pytest.raises(RPCException) as refused:
        await wallet.client.get_transaction(signature, commitment=Confirmed)

    assert known.value is not None
    assert known.value.transaction.version == 0
    assert isinstance(refused.value.args[0], UnsupportedTransactionVersionMessage)


async def test_history_of_an_address_is_newest_first_and_paged(
    chain: Running, wallet: Wallet
) -> None:
    to = Pubkey.new_unique()
    sent = []
    for lamports in range(SOL, SOL + 5):
        sent.append(await wallet.send(await wallet.payment(to, lamports)))
        chain.pass_slots(lamports % 2)  # some share a block
    chain.pass_slots(1)

    async def page(**options: object) -> list[Signature]:
        found = await wallet.client.get_signatures_for_address(
            to,
            commitment=Confirmed,
            **options,  # type: ignore[arg-type]  # the names are the method's own
        )
        return [one.signature for one in found.value]

    newest_first = sent[::-1]
    assert await page() == newest_first
    assert await page(limit=2) == newest_first[:2]
    assert await page(before=newest_first[1], limit=2) == newest_first[2:4]
    assert await page(until=newest_first[3]) == newest_first[:3]


async def test_fees_follow_what_recent_transactions_paid_for_the_same_accounts(
    chain: Running, wallet: Wallet
) -> None:
    quiet, busy = Pubkey.new_unique(), Pubkey.new_unique()
    pay = TransferParams(from_pubkey=wallet.address, to_pubkey=busy, lamports=SOL)
    priced = await wallet.signed([set_compute_unit_price(7_000), transfer(pay)])
    slot = chain.ledger.chain.tip.slot
    await wallet.send(await wallet.payment(quiet, SOL))
    await wallet.send(priced)

    async def price(account: Pubkey) -> int:
        fees = (await wallet.client.get_recent_prioritization_fees([account])).value
        return next(fee.prioritization_fee for fee in fees if fee.slot == slot)

    assert (await price(busy), await price(quiet)) == (7_000, 0)


@pytest.mark.parametrize("limit", [None, 20_000])
async def test_a_message_is_quoted_the_fee_that_it_then_pays(
    chain: Running, wallet: Wallet, limit: int | None
) -> None:
    pay = TransferParams(from_pubkey=wallet.address, to_pubkey=Pubkey.new_unique(), lamports=SOL)
    limits = [] if limit is None else [set_compute_unit_limit(limit)]
    instructions = [*limits, set_compute_unit_price(7_000), transfer(pay)]
    message = MessageV0.try_compile(wallet.address, instructions, [], await wallet.blockhash())
    quoted = (await wallet.client.get_fee_for_message(message, Confirmed)).value
    signature = await wallet.send(VersionedTransaction(message, [wallet.key]))
    chain.pass_slots(1)
    landed = await wallet.client.get_transaction(
        signature, commitment=Confirmed, max_supported_transaction_version=0
    )

    assert landed.value is not None
    assert landed.value.transaction.meta is not None
    assert quoted == landed.value.transaction.meta.fee > 5_000

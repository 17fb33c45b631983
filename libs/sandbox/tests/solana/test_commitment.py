"""Time and commitment: what is processed, confirmed and finalized, and when."""

from __future__ import annotations

import pytest
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Commitment, Confirmed, Finalized, Processed
from solana.rpc.core import RPCException
from solders.pubkey import Pubkey
from solders.rpc.errors import SlotSkippedMessage
from solders.transaction_status import TransactionConfirmationStatus as Status

from mint_sandbox.solana import Genesis, Running, serve

from .wallet import SOL, Wallet


async def balances(client: AsyncClient, key: Pubkey) -> list[int]:
    commitments: list[Commitment] = [Processed, Confirmed, Finalized]
    return [(await client.get_balance(key, commitment)).value for commitment in commitments]


async def test_a_transfer_becomes_visible_commitment_by_commitment(
    chain: Running, wallet: Wallet
) -> None:
    to = Pubkey.new_unique()
    await wallet.send(await wallet.payment(to, SOL))
    assert await balances(wallet.client, to) == [SOL, 0, 0]

    chain.pass_slots(1)
    assert await balances(wallet.client, to) == [SOL, SOL, 0]

    chain.pass_slots(30)
    assert await balances(wallet.client, to) == [SOL, SOL, 0]

    chain.pass_slots(1)
    assert await balances(wallet.client, to) == [SOL, SOL, SOL]


async def test_an_older_state_is_read_while_a_newer_one_is_not_final(
    chain: Running, wallet: Wallet
) -> None:
    to = Pubkey.new_unique()
    await wallet.send(await wallet.payment(to, SOL))
    chain.pass_slots(32)
    await wallet.send(await wallet.payment(to, 2 * SOL))
    chain.pass_slots(1)
    await wallet.send(await wallet.payment(to, 4 * SOL))

    assert await balances(wallet.client, to) == [7 * SOL, 3 * SOL, SOL]


async def test_a_status_tells_confirmations_until_it_is_finalized(
    chain: Running, wallet: Wallet
) -> None:
    signature = await wallet.send(await wallet.payment(Pubkey.new_unique(), SOL))
    seen = []
    for slots in (0, 1, 30, 1):
        chain.pass_slots(slots)
        status = (await wallet.client.get_signature_statuses([signature])).value[0]
        assert status is not None
        seen.append((status.confirmation_status, status.confirmations))

    assert seen == [
        (Status.Processed, 0),
        (Status.Confirmed, 1),
        (Status.Confirmed, 31),
        (Status.Finalized, None),
    ]


async def test_an_old_status_is_found_only_by_searching_history(
    chain: Running, wallet: Wallet
) -> None:
    signature = await wallet.send(await wallet.payment(Pubkey.new_unique(), SOL))
    chain.pass_slots(301)

    recent = await wallet.client.get_signature_statuses([signature])
    searched = await wallet.client.get_signature_statuses(
        [signature], search_transaction_history=True
    )

    assert recent.value == [None]
    assert searched.value[0] is not None
    assert searched.value[0].confirmation_status == Status.Finalized


async def test_skipped_slots_set_slots_and_block_heights_apart(program: bytes) -> None:
    genesis = Genesis(seed=7, skip_rate=0.3)
    async with (
        serve(program, genesis=genesis, slot_seconds=None) as chain,
        AsyncClient(chain.rpc) as client,
    ):
        slot = (await client.get_slot(Processed)).value
        height = (await client.get_block_height(Processed)).value
        chain.pass_slots(200)
        slots = (await client.get_slot(Processed)).value - slot
        blocks = (await client.get_block_height(Processed)).value - height
        present = (await client.get_blocks(slot + 1, slot + slots)).value
        skipped = next(one for one in range(present[0], present[-1]) if one not in present)
        with pytest.raises(RPCException) as refused:
            await client.get_block_time(skipped)

    assert isinstance(refused.value.args[0], SlotSkippedMessage)
    assert 100 < blocks < slots <= 201
    assert len(present) == blocks - 32  # those that are finalized


async def test_the_same_seed_gives_the_same_chain(program: bytes) -> None:
    tips = []
    for seed in (7, 7, 8):
        genesis = Genesis(seed=seed, skip_rate=0.3)
        async with serve(program, genesis=genesis, slot_seconds=None) as chain:
            chain.pass_slots(100)
            tips.append(chain.ledger.chain.tip.blockhash)

    assert tips[0] == tips[1] != tips[2]


async def test_time_passes_by_itself_when_asked_to(program: bytes) -> None:
    genesis = Genesis(seed=7)
    async with (
        serve(program, genesis=genesis, slot_seconds=0.01) as chain,
        AsyncClient(chain.rpc) as client,
    ):
        signature = (await client.request_airdrop(Pubkey.new_unique(), SOL)).value
        confirmed = await client.confirm_transaction(signature, Finalized, sleep_seconds=0.01)

    assert confirmed.value[0] is not None
    assert confirmed.value[0].confirmation_status == Status.Finalized


async def test_every_endpoint_serves_the_same_chain(program: bytes) -> None:
    genesis = Genesis(seed=7)
    async with serve(program, genesis=genesis, slot_seconds=None, endpoints=2) as chain:
        primary, backup = (AsyncClient(endpoint.rpc) for endpoint in chain.endpoints)
        async with primary, backup:
            key = Pubkey.new_unique()
            await primary.request_airdrop(key, SOL)
            seen = await backup.get_balance(key, Processed)

    assert seen.value == SOL

"""A chain kept in a file goes on where it stopped."""

from __future__ import annotations

from pathlib import Path

from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed, Finalized, Processed
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from mint_sandbox.control import client as control
from mint_sandbox.faults import Fault, Kind
from mint_sandbox.solana import Genesis, serve

from .wallet import SOL, Wallet


async def test_accounts_history_and_unsettled_blocks_survive_a_restart(
    program: bytes, tmp_path: Path
) -> None:
    state, to, payer = tmp_path / "chain", Pubkey.new_unique(), Keypair()
    async with (
        serve(program, genesis=Genesis(7), slot_seconds=None, state=state) as chain,
        AsyncClient(chain.rpc) as client,
    ):
        await client.request_airdrop(payer.pubkey(), 5 * SOL)
        chain.pass_slots(50)
        wallet = Wallet(client, payer)
        payment = await wallet.payment(to, SOL)
        signature = await wallet.send(payment)
        tip, genesis = chain.ledger.chain.tip, chain.ledger.genesis

    async with (
        serve(program, genesis=Genesis(8), slot_seconds=None, state=state) as chain,
        AsyncClient(chain.rpc) as client,
    ):
        resumed = Wallet(client, payer)
        assert (chain.ledger.chain.tip, chain.ledger.genesis) == (tip, genesis)
        assert (await client.get_balance(to, Finalized)).value == 0
        await resumed.send(payment, skip_preflight=True)  # a duplicate, also after the restart
        await resumed.send(await resumed.payment(to, 2 * SOL))
        chain.pass_slots(40)
        history = await client.get_signatures_for_address(to, commitment=Confirmed)

        assert [one.signature for one in history.value][1:] == [signature]
        assert (await client.get_balance(to, Finalized)).value == 3 * SOL
        assert (await client.get_transaction_count(Processed)).value == 3


async def test_a_transaction_that_is_to_land_late_does_so_after_a_restart(
    program: bytes, tmp_path: Path
) -> None:
    state, to, payer = tmp_path / "chain", Pubkey.new_unique(), Keypair()
    async with (
        serve(program, genesis=Genesis(7), slot_seconds=None, state=state) as chain,
        AsyncClient(chain.rpc) as client,
    ):
        await client.request_airdrop(payer.pubkey(), 5 * SOL)
        chain.pass_slots(50)
        await control.misbehave(chain.control, "solana-1", [Fault(Kind.LATE, blocks=20)])
        wallet = Wallet(client, payer)
        await wallet.send(await wallet.payment(to, SOL))

    async with (
        serve(program, genesis=Genesis(7), slot_seconds=None, state=state) as chain,
        AsyncClient(chain.rpc) as client,
    ):
        assert (await client.get_balance(to, Processed)).value == 0
        chain.pass_slots(50)
        assert (await client.get_balance(to, Processed)).value == SOL

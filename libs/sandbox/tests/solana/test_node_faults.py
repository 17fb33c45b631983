"""Nodes that lie about the chain or lose transactions; and the ledger, which stays whole."""

from __future__ import annotations

import pytest
from solana.exceptions import SolanaRpcException
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed, Processed
from solders.keypair import Keypair

from mint_sandbox.faults import Fault, Kind, When
from mint_sandbox.solana.chain import MAX_PROCESSING_AGE

from .pair import HEALTH, Pair
from .wallet import SOL, Wallet


async def test_a_lost_reply_hides_an_effect_that_is_there(pair: Pair, sender: Wallet) -> None:
    payment = await sender.payment(Keypair().pubkey(), SOL)
    await pair.misbehave(Fault(Kind.LOST_REPLY, When(methods=("sendTransaction",))))

    with pytest.raises(SolanaRpcException):
        await sender.send(payment)

    assert await pair.landed(payment.signatures[0])


async def test_a_dropped_transaction_is_answered_like_any_other_and_never_lands(
    pair: Pair, sender: Wallet
) -> None:
    payment = await sender.payment(Keypair().pubkey(), SOL)
    await pair.misbehave(Fault(Kind.DROP))

    assert await sender.send(payment) == payment.signatures[0]

    pair.chain.pass_slots(2 * MAX_PROCESSING_AGE)
    assert not await pair.landed(payment.signatures[0])


async def test_a_dropped_transaction_is_checked_before(pair: Pair, sender: Wallet) -> None:
    too_much = await sender.payment(Keypair().pubkey(), 1000 * SOL)
    await pair.misbehave(Fault(Kind.DROP))

    with pytest.raises(Exception, match=r"insufficient|custom program error"):
        await sender.send(too_much)


async def test_a_late_transaction_lands_as_many_blocks_later_as_was_asked(
    pair: Pair, sender: Wallet
) -> None:
    receiver = Keypair().pubkey()
    payment = await sender.payment(receiver, SOL)
    await pair.misbehave(Fault(Kind.LATE, blocks=10))
    sent_at = pair.chain.ledger.chain.tip.height
    await sender.send(payment)

    pair.chain.pass_slots(9)
    assert not await pair.landed(payment.signatures[0])
    pair.chain.pass_slots(1)
    assert await pair.landed(payment.signatures[0])
    assert pair.chain.ledger.chain.tip.height == sent_at + 10
    assert (await pair.good.get_balance(receiver, Processed)).value == SOL


async def test_the_latest_transaction_lands_in_its_last_valid_block_and_only_once(
    pair: Pair, sender: Wallet
) -> None:
    receiver = Keypair().pubkey()
    latest = (await pair.good.get_latest_blockhash(Confirmed)).value
    payment = await sender.payment(receiver, SOL, latest.blockhash)
    await pair.misbehave(Fault(Kind.LATE))
    for _ in range(3):
        await sender.send(payment, skip_preflight=True)

    tip = pair.chain.ledger.chain.tip.height
    pair.chain.pass_slots(latest.last_valid_block_height - tip - 1)
    assert not await pair.landed(payment.signatures[0])
    pair.chain.pass_slots(1)
    assert pair.chain.ledger.chain.tip.height == latest.last_valid_block_height
    assert await pair.landed(payment.signatures[0])
    pair.chain.pass_slots(MAX_PROCESSING_AGE)
    assert (await pair.good.get_balance(receiver)).value == SOL


async def test_a_late_transaction_that_landed_elsewhere_does_not_land_again(
    pair: Pair, sender: Wallet
) -> None:
    receiver = Keypair().pubkey()
    payment = await sender.payment(receiver, SOL)
    await pair.misbehave(Fault(Kind.LATE, blocks=5))
    await sender.send(payment)
    await Wallet(pair.good, sender.key).send(payment)

    pair.chain.pass_slots(MAX_PROCESSING_AGE)
    assert (await pair.good.get_balance(receiver)).value == SOL


async def test_what_came_too_late_for_its_blockhash_never_lands(pair: Pair, sender: Wallet) -> None:
    payment = await sender.payment(Keypair().pubkey(), SOL)
    pair.chain.pass_slots(MAX_PROCESSING_AGE + 5)
    await pair.misbehave(Fault(Kind.LATE, blocks=5))
    await sender.send(payment, skip_preflight=True)

    pair.chain.pass_slots(MAX_PROCESSING_AGE)
    assert not await pair.landed(payment.signatures[0])


@pytest.mark.parametrize("slots", [1, 40, 300])
async def test_a_lagging_endpoint_shows_heights_accounts_and_statuses_as_they_were(
    pair: Pair, sender: Wallet, slots: int
) -> None:
    receiver = Keypair().pubkey()
    signature = await Wallet(pair.good, sender.key).send(await sender.payment(receiver, SOL))
    await pair.misbehave(Fault(Kind.LAG, blocks=slots))

    async def seen(client: AsyncClient) -> tuple[int, int, bool]:
        status = await client.get_signature_statuses([signature])
        balance = (await client.get_balance(receiver, Processed)).value
        transactions = (await client.get_transaction_count()).value
        return balance, transactions, status.value[0] is not None

    assert await seen(pair.good) == (SOL, 2, True)
    pair.chain.pass_slots(slots - 1)
    assert await seen(pair.bad) == (0, 1, False)
    pair.chain.pass_slots(1)
    assert await seen(pair.bad) == (SOL, 2, True)
    for level in (Processed, Confirmed, None):
        behind = (await pair.good.get_slot(level)).value - (await pair.bad.get_slot(level)).value
        below = (await pair.good.get_block_height(level)).value
        assert behind == slots
        assert (await pair.bad.get_block_height(level)).value == below - slots


async def test_a_lagging_endpoint_does_not_know_young_blockhashes_and_offers_old_ones(
    pair: Pair, sender: Wallet
) -> None:
    pair.chain.pass_slots(200)
    young = (await pair.good.get_latest_blockhash(Confirmed)).value
    await pair.misbehave(Fault(Kind.LAG, blocks=100))
    payment = await sender.payment(Keypair().pubkey(), SOL, young.blockhash)

    asked = {"method": "isBlockhashValid", "params": [str(young.blockhash)]}
    assert (await pair.ask(HEALTH | asked)).json()["result"]["value"] is False
    with pytest.raises(Exception, match="Blockhash not found"):
        await sender.send(payment)
    offered = (await pair.bad.get_latest_blockhash(Confirmed)).value
    assert offered.last_valid_block_height == young.last_valid_block_height - 100


async def test_what_a_lagging_endpoint_takes_lands_at_once_all_the_same(
    pair: Pair, sender: Wallet
) -> None:
    payment = await sender.payment(Keypair().pubkey(), SOL)
    await pair.misbehave(Fault(Kind.LAG, blocks=100))

    await sender.send(payment, skip_preflight=True)

    assert await pair.landed(payment.signatures[0])


async def test_no_endpoint_lags_further_behind_than_the_chain_s_beginning(pair: Pair) -> None:
    await pair.misbehave(Fault(Kind.LAG, blocks=300))

    first = (await pair.good.get_first_available_block()).value
    assert (await pair.bad.get_slot(Processed)).value == first


async def test_far_behind_an_endpoint_says_itself_that_it_is_unhealthy(pair: Pair) -> None:
    pair.chain.pass_slots(200)
    for slots, message in [(100, None), (150, "Node is behind by 150 slots")]:
        await pair.misbehave(Fault(Kind.LAG, blocks=slots))
        answer = (await pair.ask()).json()
        assert answer.get("error", {}).get("message") == message


@pytest.mark.parametrize("error", [-40, 1000])
async def test_wrong_heights_are_wrong_wherever_they_are_told_and_nowhere_else(
    pair: Pair, error: int
) -> None:
    async def heights(client: AsyncClient) -> list[int]:
        latest = (await client.get_latest_blockhash()).value
        height = (await client.get_block_height()).value
        epoch = (await client.get_epoch_info()).value
        return [height, epoch.block_height, latest.last_valid_block_height]

    await pair.misbehave(Fault(Kind.HEIGHT, blocks=error))

    assert await heights(pair.bad) == [height + error for height in await heights(pair.good)]
    assert (await pair.bad.get_slot()).value == (await pair.good.get_slot()).value


async def test_only_the_height_of_one_method_can_be_wrong(pair: Pair) -> None:
    await pair.misbehave(Fault(Kind.HEIGHT, When(methods=("getBlockHeight",)), blocks=5))

    assert (await pair.bad.get_latest_blockhash()) == (await pair.good.get_latest_blockhash())


async def test_faults_act_together(pair: Pair, sender: Wallet) -> None:
    payment = await sender.payment(Keypair().pubkey(), SOL)
    await pair.misbehave(
        Fault(Kind.LAG, blocks=5),
        Fault(Kind.DROP),
        Fault(Kind.SERVER_ERROR, When(methods=("getHealth",))),
    )

    assert (await pair.ask()).status_code == 503
    await sender.send(payment, skip_preflight=True)
    assert not await pair.landed(payment.signatures[0])
    assert (await pair.bad.get_slot()).value == (await pair.good.get_slot()).value - 5

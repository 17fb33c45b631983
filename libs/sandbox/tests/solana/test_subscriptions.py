"""WebSocket: clients are told what they subscribed to, at the commitment that they asked for."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from solana.rpc.commitment import Confirmed
from solana.rpc.websocket_api import SolanaWsClient
from solders.pubkey import Pubkey
from solders.rpc.config import RpcTransactionLogsFilterMentions
from solders.rpc.responses import (
    AccountNotification,
    LogsNotification,
    SignatureNotification,
    SlotNotification,
)

from mint_sandbox.solana import Running

from .wallet import SOL, Wallet


@pytest.fixture
async def websocket(chain: Running) -> AsyncIterator[SolanaWsClient]:
    async with SolanaWsClient(chain.ws) as websocket:
        yield websocket


async def test_a_signature_is_told_once_it_has_reached_the_commitment(
    chain: Running, wallet: Wallet, websocket: SolanaWsClient
) -> None:
    payment = await wallet.payment(Pubkey.new_unique(), SOL)
    landed_in = chain.ledger.chain.tip.slot
    await websocket.slot_subscribe()
    await websocket.signature_subscribe(signature=payment.signatures[0], commitment=Confirmed)

    await wallet.send(payment)
    chain.pass_slots(2)
    told = [await websocket.recv() for _ in range(3)]

    slot, signature, next_slot = told
    assert isinstance(slot, SlotNotification)
    assert slot.result.parent == landed_in
    assert isinstance(signature, SignatureNotification)
    assert signature.result.context.slot == landed_in
    assert isinstance(next_slot, SlotNotification)


async def test_a_signature_that_is_confirmed_already_is_told_at_the_next_slot(
    chain: Running, wallet: Wallet, websocket: SolanaWsClient
) -> None:
    signature = await wallet.send(await wallet.payment(Pubkey.new_unique(), SOL))
    chain.pass_slots(1)
    await websocket.signature_subscribe(signature=signature, commitment=Confirmed)

    chain.pass_slots(1)

    assert isinstance(await websocket.recv(), SignatureNotification)


async def test_an_account_is_told_with_each_new_state(
    chain: Running, wallet: Wallet, websocket: SolanaWsClient
) -> None:
    to = Pubkey.new_unique()
    await websocket.account_subscribe(pubkey=to, commitment=Confirmed, encoding="base64")
    for lamports in (SOL, 2 * SOL):
        await wallet.send(await wallet.payment(to, lamports))
        chain.pass_slots(2)

    told = [await websocket.recv(), await websocket.recv()]

    states = [one.result.value.lamports for one in told if isinstance(one, AccountNotification)]
    assert states == [SOL, 3 * SOL]


async def test_logs_are_told_of_transactions_that_mention_the_address(
    chain: Running, wallet: Wallet, websocket: SolanaWsClient
) -> None:
    to, other = Pubkey.new_unique(), Pubkey.new_unique()
    await websocket.logs_subscribe(
        filter_=RpcTransactionLogsFilterMentions(to), commitment=Confirmed
    )
    await wallet.send(await wallet.payment(other, SOL))
    wanted = await wallet.send(await wallet.payment(to, SOL))
    chain.pass_slots(1)

    told = await websocket.recv()

    assert isinstance(told, LogsNotification)
    assert told.result.value.signature == wanted
    assert told.result.value.logs[-1].endswith("success")


async def test_an_ended_subscription_tells_nothing_more(
    chain: Running, websocket: SolanaWsClient
) -> None:
    ended = await websocket.slot_subscribe()
    kept = await websocket.slot_subscribe()
    await websocket.unsubscribe(ended)

    chain.pass_slots(2)
    told = [await websocket.recv(), await websocket.recv()]

    subscriptions = [one.subscription for one in told if isinstance(one, SlotNotification)]
    assert subscriptions == [kept.subscription_id] * 2


async def test_an_unknown_subscription_is_an_error_and_a_ping_is_not_answered(
    chain: Running,
) -> None:
    async def sent(websocket: aiohttp.ClientWebSocketResponse, **request: object) -> None:
        await websocket.send_str(json.dumps({"jsonrpc": "2.0", **request}))

    async with aiohttp.ClientSession() as session, session.ws_connect(chain.ws) as websocket:
        await sent(websocket, method="ping")
        await sent(websocket, method="weatherSubscribe", id=1)
        await sent(websocket, method="slotUnsubscribe", params=[99], id=2)
        answers = [await websocket.receive_json(), await websocket.receive_json()]

    assert [(one["id"], one["error"]["code"]) for one in answers] == [(1, -32601), (2, -32602)]

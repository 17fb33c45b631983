"""Endpoints of Solana that misbehave, as clients see them; and the ledger, which stays whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from solana.exceptions import SolanaRpcException
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed, Processed
from solders.keypair import Keypair
from solders.signature import Signature

from mint_sandbox.control import client as control
from mint_sandbox.faults import Fault, Kind
from mint_sandbox.faults.model import When
from mint_sandbox.solana import Genesis, Running, serve
from mint_sandbox.solana.chain import MAX_PROCESSING_AGE

from .wallet import SLOTS_TO_FINALIZE, SOL, Wallet

HEALTH = {"jsonrpc": "2.0", "id": 7, "method": "getHealth"}
BAD, GOOD = "solana-1", "solana-2"
SOON = 5.0  # seconds that a client waits where an answer, or its absence, is expected


@dataclass(frozen=True)
class Pair:
    """Two endpoints of one chain: the first one misbehaves."""

    chain: Running
    bad: AsyncClient
    good: AsyncClient
    http: httpx.AsyncClient

    async def misbehave(self, *faults: Fault, seed: int = 0) -> None:
        await control.misbehave(self.chain.control, BAD, faults, seed=seed)

    async def behave(self) -> None:
        await control.behave(self.chain.control, BAD)

    async def ask(self, body: object = HEALTH, patience: float = SOON) -> httpx.Response:
        return await self.http.post(self.chain.endpoints[0].rpc, json=body, timeout=patience)

    async def landed(self, signature: Signature) -> bool:
        statuses = await self.good.get_signature_statuses(
            [signature], search_transaction_history=True
        )
        return statuses.value[0] is not None


@asynccontextmanager
async def two_endpoints(program: bytes) -> AsyncIterator[Pair]:
    genesis = Genesis(seed=7, skip_rate=0.0)
    async with (
        serve(program, genesis=genesis, slot_seconds=None, endpoints=2) as chain,
        AsyncClient(chain.endpoints[0].rpc, timeout=SOON, max_transport_retries=0) as bad,
        AsyncClient(chain.endpoints[1].rpc) as good,
        httpx.AsyncClient() as http,
    ):
        yield Pair(chain, bad, good, http)


@pytest.fixture
async def pair(program: bytes) -> AsyncIterator[Pair]:
    async with two_endpoints(program) as pair:
        yield pair


@pytest.fixture
async def sender(pair: Pair) -> Wallet:
    """A wallet that sends through the endpoint that misbehaves."""
    key = Keypair()
    await pair.good.request_airdrop(key.pubkey(), 10 * SOL)
    pair.chain.pass_slots(SLOTS_TO_FINALIZE)
    return Wallet(pair.bad, key)


async def test_after_every_fault_the_endpoint_serves_as_before(pair: Pair) -> None:
    for kind in Kind:
        if kind.value in (await control.faults(pair.chain.control))[BAD]["kinds"]:
            await pair.misbehave(Fault(kind, seconds=0.01, blocks=5))
            await pair.behave()
            assert (await pair.ask()).json() == {"jsonrpc": "2.0", "result": "ok", "id": 7}


async def test_one_endpoint_s_faults_are_not_the_other_s(pair: Pair) -> None:
    await pair.misbehave(Fault(Kind.REFUSE))

    assert await pair.good.is_connected()


async def test_refused_connections_on_both_ports_until_the_fault_is_cleared(pair: Pair) -> None:
    await pair.ask()
    await pair.misbehave(Fault(Kind.REFUSE))

    for _ in range(2):  # a connection kept open does not help either
        with pytest.raises(httpx.ConnectError):
            await pair.ask()
    with pytest.raises(SolanaRpcException):
        await pair.bad.get_slot()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", int(pair.chain.ws.rpartition(":")[2]))


async def test_flapping_an_endpoint_goes_down_and_comes_back_by_itself(pair: Pair) -> None:
    await pair.misbehave(Fault(Kind.FLAP, When(until=0.2), seconds=0.2))
    with pytest.raises(httpx.ConnectError):
        await pair.ask()

    async def serves() -> bool:
        try:
            return (await pair.ask()).is_success
        except httpx.ConnectError:
            return False

    await until(serves)


async def test_selected_requests_are_reset_and_others_served(pair: Pair) -> None:
    await pair.misbehave(Fault(Kind.REFUSE, When(methods=("getHealth",), count=1)))

    with pytest.raises(httpx.ReadError):
        await pair.ask()
    assert (await pair.ask()).is_success


async def test_a_hanging_endpoint_reads_and_never_answers(pair: Pair) -> None:
    await pair.misbehave(Fault(Kind.HANG))
    with pytest.raises(httpx.ReadTimeout):
        await pair.ask(patience=0.1)

    waiting = asyncio.create_task(pair.ask(patience=60))
    await until(lambda: struck(pair, 2))
    await pair.behave()
    with pytest.raises(httpx.ReadError):
        await waiting


async def test_a_slow_endpoint_answers_after_its_time_or_when_the_fault_is_cleared(
    pair: Pair,
) -> None:
    await pair.misbehave(Fault(Kind.SLOW, seconds=3600))
    with pytest.raises(httpx.ReadTimeout):
        await pair.ask(patience=0.1)

    waiting = asyncio.create_task(pair.ask(patience=60))
    await until(lambda: struck(pair, 2))
    await pair.behave()
    assert (await waiting).is_success

    await pair.misbehave(Fault(Kind.SLOW, seconds=0.01))
    assert (await pair.ask()).is_success


@pytest.mark.parametrize(("seconds", "header"), [(None, None), (2, "2"), (0.5, "0.5")])
async def test_too_many_requests_as_http_status_with_and_without_retry_after(
    pair: Pair, seconds: float | None, header: str | None
) -> None:
    await pair.misbehave(Fault(Kind.RATE_LIMITED, seconds=seconds))
    response = await pair.ask()

    assert (response.status_code, response.headers.get("Retry-After")) == (429, header)
    assert (response.json()["error"]["code"], response.json()["id"]) == (429, 7)
    with pytest.raises(SolanaRpcException):
        await pair.bad.get_slot()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (
            Fault(Kind.RPC_ERROR),
            {"code": 429, "message": "Too many requests for a specific RPC call"},
        ),
        (
            Fault(Kind.RPC_ERROR, code=-32005, blocks=42),
            {
                "code": -32005,
                "message": "Node is behind by 42 slots",
                "data": {"numSlotsBehind": 42},
            },
        ),
    ],
)
async def test_errors_of_json_rpc_with_status_200_also_for_each_of_a_batch(
    pair: Pair, fault: Fault, error: dict[str, Any]
) -> None:
    await pair.misbehave(fault)
    response = await pair.ask()

    assert (response.status_code, response.json()["error"]) == (200, error)
    batch = (await pair.ask([HEALTH, HEALTH | {"id": 8}])).json()
    assert [(one["id"], one["error"]) for one in batch] == [(7, error), (8, error)]


async def test_server_errors_bring_the_status_that_was_asked_for(pair: Pair) -> None:
    for given, status in [(None, 503), (500, 500), (502, 502)]:
        await pair.misbehave(Fault(Kind.SERVER_ERROR, status=given))
        assert (await pair.ask()).status_code == status


@pytest.mark.parametrize("kind", [Kind.TRUNCATED, Kind.GARBAGE, Kind.HTML])
async def test_status_200_with_what_is_no_json(pair: Pair, kind: Kind) -> None:
    await pair.misbehave(Fault(kind))
    response = await pair.ask()

    assert response.status_code == 200
    with pytest.raises(ValueError):
        response.json()
    with pytest.raises(Exception, match=r".+"):
        await pair.bad.get_slot()


async def test_an_answer_cut_off_in_the_middle_is_a_broken_connection(pair: Pair) -> None:
    await pair.misbehave(Fault(Kind.CUT_OFF))

    with pytest.raises(httpx.RemoteProtocolError):
        await pair.ask()


async def test_the_same_seed_fails_the_same_requests(pair: Pair) -> None:
    async def failures(seed: int) -> list[bool]:
        await pair.misbehave(Fault(Kind.SERVER_ERROR, When(probability=0.5)), seed=seed)
        return [(await pair.ask()).is_error for _ in range(30)]

    first = await failures(seed=1)
    assert set(first) == {True, False}
    assert await failures(seed=1) == first
    assert await failures(seed=2) != first


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


async def test_a_fault_that_an_endpoint_can_not_have_is_refused_with_those_it_can(
    pair: Pair,
) -> None:
    with pytest.raises(control.ControlRefused, match="no such fault here: endless; there are"):
        await pair.misbehave(Fault(Kind.ENDLESS))
    with pytest.raises(control.ControlRefused, match="no endpoint 'solana-9' here; there are"):
        await control.behave(pair.chain.control, "solana-9")


async def test_the_control_port_tells_the_faults_and_how_many_requests_they_struck(
    pair: Pair,
) -> None:
    await pair.misbehave(Fault(Kind.SERVER_ERROR, When(count=2)), seed=3)
    for _ in range(5):
        await pair.ask()

    told = (await control.faults(pair.chain.control))[BAD]
    assert told["faults"] == [{"kind": "server-error", "count": 2, "struck": 2}]
    assert told["seed"] == 3


async def struck(pair: Pair, times: int) -> bool:
    [fault] = (await control.faults(pair.chain.control))[BAD]["faults"]
    return bool(fault["struck"] == times)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await holds():  # noqa: ASYNC110 - the other side can only be asked
            await asyncio.sleep(0.01)

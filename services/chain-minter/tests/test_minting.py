"""Mints against the sandbox's chain: the real programs behind JSON-RPC, in slots of some ms."""

from __future__ import annotations

import asyncio
import json
import os
from base64 import b64decode
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.transaction import Transaction

from chain_minter.authority import Authority
from chain_minter.clock import WallClock
from chain_minter.confirmation import Rules
from chain_minter.endpoints import Endpoints
from chain_minter.fees import Pricing
from chain_minter.flight import Tools
from chain_minter.inflight import Inflight
from chain_minter.rpc import Endpoint
from chain_minter.service import Minter
from chain_minter.signing import Signer, UnitLimits
from chain_minter.solana import Solana
from chain_minter.transport import HttpTransport, Transport
from mint_chain.accounts import AccountState, decode_token_account
from mint_chain.addresses import TOKEN_PROGRAM, mint_address
from mint_chain.nft import OnChain, observe, parts_of
from mint_events.bus import Publish
from mint_events.catalogue import (
    ChainOutcome,
    Creator,
    MintConfirmed,
    MintParked,
    MintPrepared,
    MintSubmitted,
)
from mint_events.envelope import Envelope, Received, root
from mint_events.topics import CHAIN, INFLIGHT, Topic
from mint_sandbox.solana import Genesis, Running, serve, token_metadata_program
from mint_sandbox.solana.chain import Commitment

RULES = Rules(max_signatures=3, resend=timedelta(seconds=0.2), patience=timedelta(minutes=1))
PARTITION = 0
STEPS_OF_A_MINT = 30

Point = Callable[[str], Awaitable[None]]
"""A point at which the process may end; it is told what comes next."""


async def go_on(_: str) -> None:
    return


class Journal:
    """Takes what is published as the brokers would, so that a later process can read it back."""

    def __init__(self) -> None:
        self.published: list[tuple[str, Envelope]] = []

    def submissions(self, topic: Topic = CHAIN) -> list[MintSubmitted]:
        events = [envelope.event for name, envelope in self.published if name == topic.name]
        return [event for event in events if isinstance(event, MintSubmitted)]

    async def read(self, partition: int) -> Mapping[bytes, Received]:
        return {
            envelope.mint_id.encode(): received(envelope)
            for topic, envelope in self.published
            if topic == INFLIGHT.name
        }


class Publishing:
    """One process's way to the journal."""

    def __init__(self, journal: Journal, point: Point) -> None:
        self._journal = journal
        self._point = point

    async def publish(self, *envelopes: Envelope, topic: Topic | None = None) -> None:
        for envelope in envelopes:
            name = (topic or CHAIN).name
            await self._point(f"publishing on {name}")
            self._journal.published.append((name, envelope))
            await self._point(f"published on {name}")


class Wire:
    """One process's way to the chain: counts its calls, and loses what it is told to lose."""

    def __init__(self, inner: Transport, point: Point) -> None:
        self._inner = inner
        self._point = point
        self.calls: Counter[str] = Counter()
        self.sent: list[bytes] = []
        self.loses_transactions = False

    async def post(self, url: str, body: str) -> str:
        request = json.loads(body)
        method = request["method"]
        self.calls[method] += 1
        await self._point(f"calling {method}")
        if method == "sendTransaction":
            self.sent.append(b64decode(request["params"][0]))
        reply = await self._reply(url, body, method)
        await self._point(f"called {method}")
        return reply

    async def _reply(self, url: str, body: str, method: str) -> str:
        if method == "sendTransaction" and self.loses_transactions:
            # a node does not tell that it has dropped it: it answers the signature
            signature = Transaction.from_bytes(self.sent[-1]).signatures[0]
            return json.dumps({"jsonrpc": "2.0", "id": 0, "result": str(signature)})
        return await self._inner.post(url, body)


class World:
    """A chain, an authority with lamports, and a journal that outlives the processes."""

    def __init__(self, chain: Running, transport: Transport) -> None:
        self.chain = chain
        self.transport = transport
        self.authority = Authority(Keypair())
        self.journal = Journal()
        chain.ledger.airdrop(self.authority.address, 10**12)

    async def process(self, point: Point = go_on) -> Process:
        """A freshly started service."""
        process = Process(self, point)
        await process.inflight.load("mint.ledger", PARTITION)
        return process

    def prepared(self, mint_id: str = "mint-1", **changes: Any) -> MintPrepared:
        wanted = MintPrepared(
            mint_id=mint_id,
            user_id="user",
            fencing_token=1,
            authority=str(self.authority.address),
            mint_address=str(self.address(mint_id)),
            wallet=str(Keypair().pubkey()),
            name="Level 7",
            symbol="TRM",
            uri="ipfs://bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
            level=7,
            seller_fee_basis_points=500,
            creators=(),
            collection=None,
            is_mutable=True,
            image_cid="image",
            image_sha256="0",
            metadata_cid="metadata",
        )
        return replace(wanted, **changes)

    def address(self, mint_id: str) -> Pubkey:
        return mint_address(self.authority.address, mint_id)

    def account(self, key: Pubkey) -> AccountState | None:
        found = self.chain.ledger.account(key, Commitment.PROCESSED)
        return AccountState(found.lamports, found.owner, found.data) if found else None

    def there(self, mint_id: str = "mint-1") -> OnChain:
        return observe(*map(self.account, parts_of(self.address(mint_id))))

    def is_whole(self, mint_id: str = "mint-1") -> bool:
        there = self.there(mint_id)
        return bool(there.mint and there.mint.supply == 1 and there.metadata and there.edition)

    def pass_blocks(self, count: int) -> None:
        height = self.chain.ledger.chain.tip.height + count
        while self.chain.ledger.chain.tip.height < height:
            self.chain.ledger.tick(datetime.now(UTC).timestamp())


class Process:
    """What a process of the service holds; it ends by being cancelled."""

    def __init__(self, world: World, point: Point) -> None:
        self.wire = Wire(world.transport, point)
        self.inflight = Inflight(world.journal.read, Publishing(world.journal, point))
        endpoints = Endpoints([Endpoint(each.rpc, self.wire) for each in world.chain.endpoints])
        chain = Solana(endpoints, payer=world.authority.address)
        limits = UnitLimits(chain, margin=0.5, fallback=250_000)
        pricing = Pricing(percentile=75, floor=1_000, cap=1_000_000)
        signer = Signer(world.authority, chain, pricing, limits)
        tools = Tools(chain=chain, signer=signer, clock=WallClock(0.02), rules=RULES)
        self.minter = Minter(tools, self.inflight)

    async def mint(self, prepared: MintPrepared) -> MintConfirmed | MintParked:
        """Handle the event as the runtime would, and return what is published in the end."""
        publish, *_ = await self.minter.handle(received(happened(prepared)))
        assert isinstance(publish, Publish)
        event = publish.envelope.event
        assert isinstance(event, MintConfirmed | MintParked)
        return event


def happened(prepared: MintPrepared) -> Envelope:
    cause = uuid5(NAMESPACE_OID, prepared.mint_id)
    return root(prepared, id=cause, source="test", time=datetime.now(UTC))


def received(envelope: Envelope) -> Received:
    return Received(
        envelope=envelope,
        topic="mint.ledger",
        partition=PARTITION,
        offset=0,
        key=envelope.mint_id.encode(),
        value=b"",
        headers=(),
    )


@pytest.fixture
async def world() -> AsyncIterator[World]:
    program = token_metadata_program(os.environ)
    genesis = Genesis(seed=1)
    async with (
        serve(program, genesis=genesis, slot_seconds=0.01) as chain,
        HttpTransport(seconds=30, connections=16) as transport,
    ):
        yield World(chain, transport)


@pytest.mark.requirement("CH-9", "MF-6")
async def test_a_prepared_mint_becomes_an_nft_and_is_confirmed(world: World) -> None:
    prepared = world.prepared()
    process = await world.process()

    confirmed = await process.mint(prepared)

    assert isinstance(confirmed, MintConfirmed)
    assert world.is_whole()
    holding = world.account(Pubkey.from_string(confirmed.token_account))
    assert holding is not None
    assert str(decode_token_account(holding).wallet) == prepared.wallet
    (submitted,) = world.journal.submissions()
    assert confirmed.signature == submitted.signature
    assert confirmed.slot > 0
    assert confirmed.prepared == prepared


@pytest.mark.requirement("CH-2")
async def test_what_is_sent_was_recorded_in_both_topics_before(world: World) -> None:
    seen: list[str] = []

    async def note(step: str) -> None:
        seen.append(step)

    await (await world.process(note)).mint(world.prepared())

    sending = seen.index("calling sendTransaction")
    assert seen.index("published on mint.chain.inflight") < sending
    assert seen.index("published on mint.chain") < sending
    (recorded,) = world.journal.submissions(INFLIGHT)
    assert (recorded,) == tuple(world.journal.submissions(CHAIN))


@pytest.mark.requirement("CH-1", "CH-2")
async def test_killed_at_any_step_a_mint_goes_on_with_its_signature_to_one_nft(
    world: World,
) -> None:
    ends = [await killed_after(world, steps) for steps in range(STEPS_OF_A_MINT)]

    assert "the mint is done" in ends  # so every step before was tried
    assert {f"calling {method}" for method in ("sendTransaction", "getMultipleAccounts")} <= {*ends}
    for steps in range(STEPS_OF_A_MINT):
        assert world.is_whole(f"mint-{steps}")
        recorded = {submission.signature for submission in submissions(world, f"mint-{steps}")}
        assert len(recorded) == 1
    tokens = world.chain.ledger.program_accounts(TOKEN_PROGRAM, Commitment.PROCESSED)
    assert len([*tokens]) == 2 * STEPS_OF_A_MINT  # a mint and a token account each


async def killed_after(world: World, steps: int) -> str:
    """Let a process stop dead after so many steps, and another one end its work."""
    dead = asyncio.get_running_loop().create_future()
    taken: list[str] = []

    async def die(step: str) -> None:
        taken.append(step)
        if len(taken) > steps:
            if not dead.done():
                dead.set_result(step)
            await asyncio.Event().wait()

    prepared = world.prepared(f"mint-{steps}")
    first = await world.process(die)
    work = asyncio.create_task(first.mint(prepared))
    await asyncio.wait({work, dead}, return_when=asyncio.FIRST_COMPLETED)
    work.cancel()
    second = await world.process()
    assert isinstance(await second.mint(prepared), MintConfirmed)
    return str(dead.result()) if dead.done() else "the mint is done"


def submissions(world: World, mint_id: str) -> list[MintSubmitted]:
    return [event for event in world.journal.submissions() if event.mint_id == mint_id]


@pytest.mark.requirement("CH-1")
async def test_two_processes_that_know_nothing_of_each_other_make_one_nft(world: World) -> None:
    stranger = World(world.chain, world.transport)
    stranger.authority = world.authority
    prepared = world.prepared()
    one, other = await world.process(), await stranger.process()

    confirmed = await asyncio.gather(one.mint(prepared), other.mint(prepared))

    assert all(isinstance(event, MintConfirmed) for event in confirmed)
    assert len({event.signature for event in confirmed if isinstance(event, MintConfirmed)}) == 1
    there = world.there()
    assert there.mint is not None
    assert there.mint.supply == 1


@pytest.mark.requirement("CH-4")
async def test_a_mint_that_is_there_already_is_confirmed_without_a_signature(world: World) -> None:
    prepared = world.prepared()
    first = await (await world.process()).mint(prepared)
    world.journal = Journal()

    again = await (await world.process()).mint(prepared)

    assert again == first
    assert world.journal.submissions() == []


@pytest.mark.requirement("CH-1")
async def test_an_address_that_a_stranger_has_funded_still_works(world: World) -> None:
    for address in parts_of(world.address("mint-1")):
        world.chain.ledger.airdrop(address, 1_000_000)

    confirmed = await (await world.process()).mint(world.prepared())

    assert isinstance(confirmed, MintConfirmed)
    assert world.is_whole()
    again = await (await world.process()).mint(world.prepared(wallet=confirmed.prepared.wallet))
    assert isinstance(again, MintConfirmed)
    assert again.signature == confirmed.signature


@pytest.mark.requirement("CH-10")
async def test_what_does_not_fit_into_one_transaction_is_completed_by_a_second(
    world: World,
) -> None:
    shares = [Creator(address=str(Keypair().pubkey()), share=20) for _ in range(5)]
    largest = world.prepared(name="n" * 32, symbol="s" * 10, uri="u" * 200, creators=tuple(shares))
    world.chain.ledger.airdrop(world.address("mint-1"), 1_000_000)

    confirmed = await (await world.process()).mint(largest)

    assert isinstance(confirmed, MintConfirmed)
    first, second = world.journal.submissions()
    assert second.earlier == (first.signature,)
    assert (first.attempt, second.attempt) == (1, 1)
    assert confirmed.signature == second.signature
    assert world.is_whole()


@pytest.mark.requirement("CH-3")
async def test_an_expired_transaction_is_followed_by_one_other_and_one_nft(world: World) -> None:
    process = await world.process()
    process.wire.loses_transactions = True
    work = asyncio.create_task(process.mint(world.prepared()))
    await until(lambda: len(process.wire.sent) >= 2)
    assert len({*process.wire.sent}) == 1
    assert len(world.journal.submissions()) == 1

    process.wire.loses_transactions = False
    process.wire.sent.clear()
    world.pass_blocks(200)
    confirmed = await work

    first, second = world.journal.submissions()
    assert isinstance(confirmed, MintConfirmed)
    assert confirmed.signature == second.signature
    assert (second.attempt, second.earlier) == (2, (first.signature,))
    assert second.priority_fee == 2 * first.priority_fee
    assert world.is_whole()


@pytest.mark.requirement("CH-8")
async def test_after_three_expired_signatures_the_mint_is_parked_as_absent(world: World) -> None:
    process = await world.process()
    process.wire.loses_transactions = True
    work = asyncio.create_task(process.mint(world.prepared()))
    for count in (1, 2, 3):
        await until(partial(has_sent, process, count))
        world.pass_blocks(200)

    parked = await work

    assert isinstance(parked, MintParked)
    assert parked.outcome is ChainOutcome.ABSENT
    assert parked.signatures == tuple(event.signature for event in world.journal.submissions())
    assert len(parked.signatures) == 3
    again = await (await world.process()).mint(world.prepared())
    assert again == parked


@pytest.mark.requirement("CH-8")
async def test_a_transaction_that_cannot_succeed_is_parked_with_its_reason(world: World) -> None:
    penniless = World(world.chain, world.transport)
    drain(penniless)
    work = asyncio.create_task((await penniless.process()).mint(penniless.prepared()))
    for count in (1, 2, 3):
        await until(partial(has_signed, penniless, count))
        world.pass_blocks(200)

    parked = await work

    assert isinstance(parked, MintParked)
    assert parked.outcome is ChainOutcome.ABSENT
    assert "last refusal" in parked.detail


@pytest.mark.requirement("CH-11")
async def test_a_mint_prepared_for_another_authority_is_parked_unsigned(world: World) -> None:
    other = str(Keypair().pubkey())

    parked = await (await world.process()).mint(world.prepared(authority=other))

    assert isinstance(parked, MintParked)
    assert parked.outcome is ChainOutcome.UNKNOWN
    assert f"prepared for the authority {other}" in parked.detail
    assert parked.signatures == ()


async def test_a_mint_prepared_for_another_address_is_parked_unsigned(world: World) -> None:
    parked = await (await world.process()).mint(world.prepared(mint_address="elsewhere"))

    assert isinstance(parked, MintParked)
    assert "prepared for elsewhere" in parked.detail


@pytest.mark.requirement("CH-9")
async def test_an_nft_joins_the_collection_of_its_authority_as_verified_member(
    world: World,
) -> None:
    process = await world.process()
    collection = await process.mint(world.prepared("collection"))

    await process.mint(world.prepared(collection=collection.mint_address))

    metadata = world.there().metadata
    assert metadata is not None
    assert metadata.collection is not None
    assert metadata.collection.verified


async def test_many_mints_share_their_calls(world: World) -> None:
    process = await world.process()
    mints = [world.prepared(f"mint-{number}") for number in range(100)]

    confirmed = await asyncio.gather(*map(process.mint, mints))

    assert all(isinstance(event, MintConfirmed) for event in confirmed)
    calls = process.wire.calls
    assert calls["sendTransaction"] < 200
    assert calls.total() - calls["sendTransaction"] < 100


def drain(world: World) -> None:
    """Leave the authority with too little for a mint account."""
    world.authority = Authority(Keypair())
    world.chain.ledger.airdrop(world.authority.address, 1_000_000)


def has_sent(process: Process, count: int) -> bool:
    return len({*process.wire.sent}) == count


def has_signed(world: World, count: int) -> bool:
    return len(world.journal.submissions()) == count


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - nobody signals what happens on the chain
            await asyncio.sleep(0.005)

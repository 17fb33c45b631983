"""Mints through endpoints that misbehave: the sandbox's, over real HTTP, told to by its control."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from functools import partial

import pytest
from solders.keypair import Keypair
from solders.transaction import Transaction

from chain_minter import queries
from chain_minter.authority import Authority
from chain_minter.rpc import Endpoint
from chain_minter.transport import Transport
from mint_chain.addresses import mint_address
from mint_events.catalogue import MintConfirmed, MintParked
from mint_resilience.breaker import State
from mint_resilience.endpoint import GuardedEndpoint
from mint_resilience.failures import AllUnavailable
from mint_runtime.addresses import Address
from mint_sandbox.faults import Fault, Kind
from mint_sandbox.faults.model import When

from .misbehaving import (
    ALL,
    BACKUP,
    CAREFUL,
    LAST,
    PRIMARY,
    SENDING,
    assert_one_nft,
    minted,
    misbehave,
    three_endpoints,
    until,
)
from .world import RULES, Process, World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with three_endpoints() as world:
        yield world


def methods_asked(process: Process, endpoint: str) -> set[str]:
    return {method for name, method in process.wire.asked if name == endpoint}


@pytest.mark.requirement("CH-5")
async def test_when_the_primary_refuses_the_same_mint_goes_on_through_the_backup(
    world: World,
) -> None:
    await misbehave(world, PRIMARY, Fault(Kind.REFUSE))
    process = await world.process()

    await minted(world, process)

    assert len(world.journal.submissions()) == 1
    assert world.journal.submissions()[0].endpoint == "backup-1"
    assert "sendTransaction" in methods_asked(process, "backup-1")


@pytest.mark.requirement("CH-5")
async def test_back_to_the_primary_when_its_breaker_has_closed_again(world: World) -> None:
    process = await world.process()
    primary = process.pool.endpoint("primary")
    await misbehave(world, PRIMARY, Fault(Kind.REFUSE))
    await process.mint(world.prepared("mint-1"))
    await until_open(process, "primary")

    await misbehave(world, PRIMARY)
    while primary.breaker.state is not State.CLOSED:
        await process.mint(world.prepared("mint-1"))
    process.wire.asked.clear()
    await process.mint(world.prepared("mint-2"))

    assert "sendTransaction" in methods_asked(process, "primary")
    assert methods_asked(process, "backup-1") == set()


async def until_open(process: Process, name: str) -> None:
    """Ask until its breaker opens."""
    while process.pool.endpoint(name).breaker.state is State.CLOSED:
        await process.pool.call(queries.finalized)


@pytest.mark.requirement("CH-5")
async def test_reads_avoid_a_primary_that_lags_by_a_hundred_slots(world: World) -> None:
    await misbehave(world, PRIMARY, Fault(Kind.LAG, blocks=100))
    world.chain.pass_slots(150)
    process = await world.process()
    await process.watch.look()
    process.wire.asked.clear()

    await minted(world, process)

    assert methods_asked(process, "primary") == set()


@pytest.mark.requirement("CH-8", "NR-3")
async def test_signatures_that_no_endpoint_took_are_no_attempts(world: World) -> None:
    for endpoint in ALL:
        await misbehave(world, endpoint, Fault(Kind.RATE_LIMITED, when=SENDING, seconds=0))
    process = await world.process(rules=CAREFUL)
    work = asyncio.create_task(process.mint(world.prepared()))
    for count in range(1, RULES.max_signatures + 2):
        await until(partial(has_signed, world, count))
        world.pass_blocks(200)

    for endpoint in ALL:
        await misbehave(world, endpoint)
    confirmed = await work

    assert isinstance(confirmed, MintConfirmed)
    assert {submitted.attempt for submitted in world.journal.submissions()} == {1}
    assert_one_nft(world)


@pytest.mark.requirement("CH-3", "CH-5")
@pytest.mark.parametrize("wrong", [-300, 100_000])
async def test_wrong_last_valid_heights_cause_no_second_signature_and_no_waiting_for_ever(
    world: World, wrong: int
) -> None:
    blockhashes = When(methods=("getLatestBlockhash",))
    for endpoint in ALL:
        await misbehave(
            world, endpoint, Fault(Kind.DROP), Fault(Kind.HEIGHT, blockhashes, blocks=wrong)
        )
    process = await world.process(rules=CAREFUL)
    work = asyncio.create_task(process.mint(world.prepared()))
    await until(lambda: len(process.wire.sent) >= 3)
    assert has_signed(world, 1)

    for endpoint in ALL:
        await misbehave(world, endpoint)
    world.pass_blocks(200)
    confirmed = await work

    assert isinstance(confirmed, MintConfirmed)
    assert_one_nft(world)


def has_signed(world: World, count: int) -> bool:
    return len(world.journal.submissions()) == count


@pytest.mark.requirement("CH-3")
async def test_one_endpoint_that_tells_heights_too_high_causes_no_second_signature(
    world: World,
) -> None:
    for endpoint in ALL:
        await misbehave(world, endpoint, Fault(Kind.DROP))
    process = await world.process(rules=CAREFUL)
    work = asyncio.create_task(process.mint(world.prepared()))
    await until(lambda: len(process.wire.sent) >= 1)

    await misbehave(world, PRIMARY, Fault(Kind.DROP), Fault(Kind.HEIGHT, blocks=10_000))
    asked = process.wire.calls["getEpochInfo"]
    await until(lambda: process.wire.calls["getEpochInfo"] >= asked + 6)
    assert len(world.journal.submissions()) == 1
    for endpoint in ALL:
        await misbehave(world, endpoint)

    assert isinstance(await work, MintConfirmed)
    assert len(world.journal.submissions()) == 1
    assert_one_nft(world)


@pytest.mark.requirement("CH-3", "NR-1")
async def test_a_rate_limited_primary_is_left_alone_for_as_long_as_it_asks(world: World) -> None:
    await misbehave(world, PRIMARY, Fault(Kind.RATE_LIMITED, seconds=60))
    process = await world.process()

    await minted(world, process)
    struck = process.wire.asked.copy()
    await process.mint(world.prepared("mint-2"))

    assert methods_asked(process, "primary") != set()
    assert not {name for name, _ in process.wire.asked - struck} & {"primary"}
    assert process.pool.endpoint("primary").breaker.state is State.CLOSED


@pytest.mark.requirement("CH-1", "CH-3", "CH-4")
@pytest.mark.parametrize("kind", [Kind.LOST_REPLY, Kind.CUT_OFF, Kind.GARBAGE])
async def test_a_reply_lost_after_the_effect_makes_no_second_nft(world: World, kind: Kind) -> None:
    for endpoint in ALL:
        await misbehave(world, endpoint, Fault(kind, SENDING))
    process = await world.process()

    await minted(world, process)

    assert len(world.journal.submissions()) == 1


@pytest.mark.requirement("CH-3")
async def test_what_the_primary_drops_lands_through_the_next_endpoint(world: World) -> None:
    await misbehave(world, PRIMARY, Fault(Kind.DROP))
    process = await world.process()

    confirmed = await minted(world, process)

    (submitted,) = world.journal.submissions()
    assert confirmed.signature == submitted.signature
    assert {*process.wire.sent} == {submitted.transaction}
    assert process.wire.asked["primary", "sendTransaction"] == 2  # as often as it is set
    assert process.wire.asked["backup-1", "sendTransaction"] == 1


@pytest.mark.requirement("CH-1", "CH-3")
async def test_what_lands_in_the_last_valid_block_is_not_signed_again(world: World) -> None:
    for endpoint in ALL:
        await misbehave(world, endpoint, Fault(Kind.LATE, SENDING))
    process = await world.process(rules=CAREFUL)

    confirmed = await minted(world, process)

    (submitted,) = world.journal.submissions()
    assert confirmed.signature == submitted.signature


@pytest.mark.requirement("CH-3")
@pytest.mark.parametrize(
    "fault",
    [Fault(Kind.HANG), Fault(Kind.SERVER_ERROR), Fault(Kind.RATE_LIMITED, seconds=3600)],
    ids=lambda fault: fault.kind.value,
)
async def test_an_endpoint_that_never_answers_does_not_hold_an_expired_mint_back(
    world: World, fault: Fault
) -> None:
    for endpoint in ALL:
        await misbehave(world, endpoint, Fault(Kind.DROP))
    process = await world.process(rules=CAREFUL)
    work = asyncio.create_task(process.mint(world.prepared()))
    await until(lambda: len(process.wire.sent) >= 1)

    await misbehave(world, LAST, fault)
    world.pass_blocks(200)
    await until(lambda: len(world.journal.submissions()) == 2)
    for endpoint in (PRIMARY, BACKUP):
        await misbehave(world, endpoint)

    assert isinstance(await work, MintConfirmed)
    assert_one_nft(world)


@pytest.mark.requirement("NR-3", "CH-5")
async def test_in_an_outage_of_all_endpoints_mints_wait_and_then_go_on(world: World) -> None:
    process = await world.process()
    watching = asyncio.create_task(process.watch.run(hold=nothing, release=nothing, tell=unheard))
    mints = [world.prepared(f"mint-{number}") for number in range(20)]
    for endpoint in ALL:
        await misbehave(world, endpoint, Fault(Kind.REFUSE))
    work = asyncio.gather(*map(process.mint, mints))
    await until(lambda: all(each.breaker.state is State.OPEN for each in guarded(process)))

    for endpoint in ALL:
        await misbehave(world, endpoint)
    ended = await work
    watching.cancel()

    assert all(isinstance(event, MintConfirmed) for event in ended)
    assert all(world.is_whole(mint.mint_id) for mint in mints)
    assert {len(submissions) for submissions in by_mint(world).values()} == {1}


def nothing() -> None:
    return


def unheard(_: str | None) -> None:
    return


def guarded(process: Process) -> list[GuardedEndpoint[Endpoint]]:
    return [process.pool.endpoint(status.name) for status in process.pool.statuses()]


def by_mint(world: World) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for event in world.journal.submissions():
        found.setdefault(event.mint_id, set()).add(event.signature)
    return found


class Garbling:
    """Answers of these endpoints have accounts in them that nobody can decode."""

    def __init__(self, inner: Transport, *names: str) -> None:
        self._inner = inner
        self._names = names
        self.times = 0

    async def post(self, address: Address, body: str) -> str:
        reply = await self._inner.post(address, body)
        if address.name not in self._names or '"getMultipleAccounts"' not in body:
            return reply
        parsed = json.loads(reply)
        for account in filter(None, parsed["result"]["value"]):
            account["data"] = [b64encode(bytes([1])).decode(), "base64"]
            self.times += 1
        return json.dumps(parsed)


@pytest.mark.requirement("CH-4")
async def test_an_account_that_does_not_decode_at_one_endpoint_is_read_at_another(
    world: World,
) -> None:
    garbled = Garbling(world.transport, "primary")
    confirmed = await minted(world, await world.process())
    world.transport = garbled
    process = await world.process()

    again = await process.mint(world.prepared(wallet=confirmed.prepared.wallet))

    assert again == confirmed
    assert garbled.times > 0


@pytest.mark.requirement("CH-4")
async def test_an_account_that_decodes_nowhere_is_for_a_person_to_look_at(world: World) -> None:
    await minted(world, await world.process())
    world.transport = Garbling(world.transport, "primary", "backup-1", "backup-2")

    parked = await (await world.process()).mint(world.prepared())

    assert isinstance(parked, MintParked)


@pytest.mark.requirement("CH-6")
async def test_the_price_is_that_of_all_accounts_which_the_transaction_writes(
    world: World,
) -> None:
    process = await world.process()

    await minted(world, process)

    (submitted,) = world.journal.submissions()
    assert process.wire.priced == written_by(submitted.transaction)


def written_by(raw: bytes) -> set[str]:
    """As the message's header says: those that sign first, of each kind the writable ones first."""
    message = Transaction.from_bytes(raw).message
    header, keys = message.header, [str(key) for key in message.account_keys]
    signers = header.num_required_signatures
    signing = keys[: signers - header.num_readonly_signed_accounts]
    return {*signing, *keys[signers : len(keys) - header.num_readonly_unsigned_accounts]}


@pytest.mark.requirement("CH-6")
async def test_one_shape_of_transaction_is_simulated_once(world: World) -> None:
    process = await world.process()

    for number in range(5):
        await process.mint(world.prepared(f"mint-{number}"))

    assert process.wire.calls["simulateTransaction"] == 1


@pytest.mark.requirement("CH-11")
async def test_each_mint_is_signed_by_the_authority_it_was_prepared_for(world: World) -> None:
    other = Authority(Keypair())
    world.others.append(other)
    world.chain.ledger.airdrop(other.address, 10**12)
    process = await world.process()
    theirs = world.prepared(
        authority=str(other.address), mint_address=str(mint_address(other.address, "mint-1"))
    )

    assert isinstance(await process.mint(theirs), MintConfirmed)
    assert isinstance(await process.mint(world.prepared("mint-2")), MintConfirmed)


@pytest.mark.requirement("MF-3", "NR-3")
async def test_a_mint_waits_unsigned_while_its_authority_can_not_pay(world: World) -> None:
    rich, poor = world.authority, Authority(Keypair())
    world.authority, world.others = poor, [rich]
    world.chain.ledger.airdrop(poor.address, 1_000_000)
    world.chain.pass_slots(40)
    process = await world.process()
    await process.watch.look()
    work = asyncio.create_task(process.mint(world.prepared()))
    await until(lambda: process.put_off >= 2)
    assert world.journal.submissions() == []
    assert process.watch.fault is None  # the other authority's mints go on

    world.chain.ledger.airdrop(poor.address, 10**12)
    await until_known(process, world)

    assert isinstance(await work, MintConfirmed)


async def until_known(process: Process, world: World) -> None:
    """Look until the new balance is confirmed."""
    async with asyncio.timeout(30):
        while is_poor(process, world):
            await process.watch.look()


def is_poor(process: Process, world: World) -> bool:
    try:
        process.watch.require(world.authority.address)
    except AllUnavailable:
        return True
    return False

"""Mints against the sandbox's chain: the real programs behind JSON-RPC, in slots of some ms."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from chain_minter.authority import Authority
from chain_minter.transport import HttpTransport
from mint_chain.accounts import decode_token_account
from mint_chain.addresses import TOKEN_PROGRAM
from mint_chain.nft import parts_of
from mint_events.catalogue import (
    ChainOutcome,
    Creator,
    MintConfirmed,
    MintParked,
    MintSubmitted,
)
from mint_events.topics import CHAIN, INFLIGHT
from mint_sandbox.solana import Genesis, serve, token_metadata_program
from mint_sandbox.solana.chain import Commitment

from .world import Journal, Process, World

STEPS_OF_A_MINT = 30


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

    world.pass_blocks(200)  # first, or what is on its way would land after all
    process.wire.loses_transactions = False
    process.wire.sent.clear()
    confirmed = await work

    first, second = world.journal.submissions()
    assert isinstance(confirmed, MintConfirmed)
    assert confirmed.signature == second.signature
    assert (second.attempt, second.earlier) == (2, (first.signature,))
    assert world.is_whole()


@pytest.mark.requirement("CH-6", "CH-8")
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
    first, *raised = [event.priority_fee for event in world.journal.submissions()]
    assert raised == [2 * first, 4 * first]
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
    assert parked.failure == "permanent"
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

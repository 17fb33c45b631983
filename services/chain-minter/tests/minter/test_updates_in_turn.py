"""One thing after another: what is in flight for something else is over before an update begins,
and who lags behind what is known decides nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from functools import partial

import pytest

from chain_minter.transport import HttpTransport
from mint_chain.update import set_uri
from mint_events.catalogue import (
    MetadataUriUpdated,
    MintConfirmed,
    MintParked,
    MintSubmitted,
    UriUpdateFailed,
    UriUpdateOutcome,
    UriUpdateRequested,
)
from mint_events.envelope import Envelope
from mint_events.topics import INFLIGHT
from mint_sandbox.control import client
from mint_sandbox.faults import Fault, Kind
from mint_sandbox.solana import Genesis, serve, token_metadata_program

from .updates import (
    NEW,
    OTHER,
    asked,
    land,
    landed,
    metadata_of,
    minted,
    submitted,
    told,
    until,
    updated,
)
from .world import Process, World, happened, received

ENDPOINTS = ("solana-1", "solana-2", "solana-3")
FINALIZED_SLOTS = 32


@pytest.fixture
async def world() -> AsyncIterator[World]:
    program = token_metadata_program(os.environ)
    async with (
        serve(program, genesis=Genesis(seed=1), slot_seconds=0.01, endpoints=3) as chain,
        HttpTransport(seconds=30, connections=16) as transport,
    ):
        world = World(chain, transport)
        chain.pass_slots(40)  # so that what the authority holds is final
        yield world


async def cut_off(world: World, request: UriUpdateRequested) -> MintSubmitted:
    """An update whose transaction was signed and announced; then the process ended."""
    process = await world.process()
    process.wire.loses_transactions = True
    work = asyncio.create_task(told(process, world, request))
    await until(lambda: bool(process.wire.sent))
    work.cancel()
    (signed,) = submitted(world, request.uri)
    return signed


def losing(process: Process) -> Process:
    process.wire.loses_transactions = True
    return process


def in_flight(world: World) -> list[str]:
    return [each.signature for each in world.journal.submissions(INFLIGHT)]


@pytest.mark.requirement("CH-3", "CH-10")
async def test_an_older_update_that_may_land_is_waited_for_until_it_never_will(
    world: World,
) -> None:
    prepared = (await minted(world)).prepared
    older = await cut_off(world, asked(prepared, OTHER))
    process = losing(await world.process())
    work = asyncio.create_task(told(process, world, asked(prepared, NEW)))
    await until(lambda: len(process.wire.sent) >= 2)
    assert {*process.wire.sent} == {older.transaction}
    assert submitted(world, NEW) == []

    world.pass_blocks(200)  # first, or what is on its way would land after all
    process.wire.loses_transactions = False
    end = (await work).event

    (signed,) = submitted(world, NEW)
    assert isinstance(end, MetadataUriUpdated)
    assert (end.uri, end.signature) == (NEW, signed.signature)
    assert (signed.attempt, signed.earlier) == (1, (older.signature,))
    assert metadata_of(world).uri == NEW
    assert older.signature not in landed(world)
    assert in_flight(world) == []


@pytest.mark.requirement("CH-3", "CH-7", "CH-10")
async def test_an_older_update_that_lands_is_followed_by_the_newer_when_it_is_final(
    world: World,
) -> None:
    confirmed = await minted(world)
    older = await cut_off(world, asked(confirmed.prepared, OTHER))

    end = await updated(world, asked(confirmed.prepared, NEW))

    (signed,) = submitted(world, NEW)
    assert isinstance(end, MetadataUriUpdated)
    assert metadata_of(world).uri == NEW
    assert landed(world) == [confirmed.signature, older.signature, signed.signature]
    assert end.slot >= slot_of(world, older) + FINALIZED_SLOTS


def slot_of(world: World, signed: MintSubmitted) -> int:
    history = world.chain.ledger.history
    return next(
        each.slot
        for each in history.mentioning(world.authority.address)
        if str(each.signature) == signed.signature
    )


@pytest.mark.requirement("CH-10")
async def test_a_uri_that_an_older_update_may_still_undo_is_not_called_updated(
    world: World,
) -> None:
    confirmed = await minted(world)
    older = await cut_off(world, asked(confirmed.prepared, OTHER))
    (beside,) = set_uri(world.address("mint-1"), metadata_of(world), NEW)
    land(world, beside, world.authority.keypair)
    too_high = Fault(Kind.HEIGHT, blocks=1000)  # so that it is looked for, and not only waited
    await client.misbehave(world.chain.control, ENDPOINTS[0], [too_high])
    process = losing(await world.process())
    work = asyncio.create_task(told(process, world, asked(confirmed.prepared, NEW)))
    await until(lambda: work.done() or len(process.wire.sent) >= 3)
    assert not work.done()

    world.pass_blocks(200)
    end = (await work).event

    assert isinstance(end, MetadataUriUpdated)
    assert submitted(world, NEW) == []
    assert end.signature == landed(world)[-1]
    assert in_flight(world) == [older.signature]


@pytest.mark.requirement("CH-3", "CH-10")
async def test_who_else_has_set_the_uri_is_believed_when_our_own_can_not_land_any_more(
    world: World,
) -> None:
    confirmed = await minted(world)
    request = asked(confirmed.prepared)
    own = await cut_off(world, request)
    (beside,) = set_uri(world.address("mint-1"), metadata_of(world), NEW)
    land(world, beside, world.authority.keypair)
    process = losing(await world.process())
    work = asyncio.create_task(told(process, world, request))
    await until(lambda: work.done() or len(process.wire.sent) >= 2)
    assert not work.done()

    world.pass_blocks(200)
    end = (await work).event

    assert isinstance(end, MetadataUriUpdated)
    assert end.signature == landed(world)[-1]
    assert submitted(world, NEW) == [own]
    assert in_flight(world) == [own.signature]  # it is not known to have landed


@pytest.mark.requirement("CH-8", "CH-10")
async def test_an_update_that_was_given_up_takes_no_attempt_from_the_next_one(
    world: World,
) -> None:
    prepared = (await minted(world)).prepared
    process = losing(await world.process())
    work = asyncio.create_task(told(process, world, asked(prepared, OTHER)))
    for count in (1, 2, 3):
        await until(partial(has_sent, process, count))
        world.pass_blocks(200)
    assert isinstance((await work).event, UriUpdateFailed)

    end = await updated(world, asked(prepared, NEW))

    (signed,) = submitted(world, NEW)
    assert isinstance(end, MetadataUriUpdated)
    assert signed.attempt == 1
    assert signed.earlier == tuple(each.signature for each in submitted(world, OTHER))


def has_sent(process: Process, count: int) -> bool:
    return len({*process.wire.sent}) == count


@pytest.mark.requirement("CH-1", "CH-10")
async def test_the_mint_read_again_leaves_an_update_in_flight_on_record(world: World) -> None:
    confirmed = await minted(world)
    request = asked(confirmed.prepared)
    signed = await cut_off(world, request)

    again = await (await world.process()).handle(received(happened(confirmed.prepared)))
    world.journal.carry_out(again)

    (publish,) = again  # and no tombstone
    assert getattr(publish, "envelope", None) is not None
    envelope: Envelope = publish.envelope  # type: ignore[union-attr]  # the assertion above
    assert envelope.event == confirmed
    assert in_flight(world) == [signed.signature]
    end = await updated(world, request)
    assert isinstance(end, MetadataUriUpdated)
    assert end.signature == signed.signature
    assert [*submitted(world, NEW)] == [signed]
    assert world.is_whole()


@pytest.mark.requirement("CH-8", "CH-10")
async def test_an_update_of_a_parked_mint_makes_nothing_and_keeps_its_count(world: World) -> None:
    prepared = world.prepared()
    process = losing(await world.process())
    work = asyncio.create_task(process.mint(prepared))
    for count in (1, 2, 3):
        await until(partial(has_sent, process, count))
        world.pass_blocks(200)
    parked = await work
    assert isinstance(parked, MintParked)

    end = await updated(world, asked(prepared))

    assert isinstance(end, UriUpdateFailed)
    assert end.outcome is UriUpdateOutcome.REFUSED
    assert world.there().mint is None
    assert await (await world.process()).mint(prepared) == parked


@pytest.mark.requirement("CH-5", "CH-10")
async def test_a_reader_that_lags_is_not_believed_that_the_uri_is_there_already(
    world: World,
) -> None:
    prepared = (await minted(world)).prepared
    change = await updated(world, asked(prepared, NEW))
    assert isinstance(change, MetadataUriUpdated)
    await all_lag(world, 45)

    process = await world.process()
    back = asked(prepared, prepared.uri, since_slot=change.slot)
    work = asyncio.create_task(told(process, world, back))
    await until(lambda: process.put_off > 0 or work.done())
    await all_are_well(world)
    end = (await work).event

    assert isinstance(end, MetadataUriUpdated)
    assert metadata_of(world).uri == prepared.uri
    assert len(submitted(world, prepared.uri)) == 1


@pytest.mark.requirement("CH-5", "CH-10")
async def test_a_reader_that_lags_is_not_believed_that_there_is_no_nft(world: World) -> None:
    confirmed: MintConfirmed = await minted(world)
    await all_lag(world, 300)

    process = await world.process()
    request = asked(confirmed.prepared, since_slot=confirmed.slot)
    work = asyncio.create_task(told(process, world, request))
    await until(lambda: process.put_off > 0 or work.done())
    await all_are_well(world)

    assert isinstance((await work).event, MetadataUriUpdated)
    assert metadata_of(world).uri == NEW


@pytest.mark.requirement("CH-5", "CH-10")
async def test_everybody_is_asked_before_it_is_said_that_there_is_no_nft(world: World) -> None:
    confirmed = await minted(world)
    await client.misbehave(world.chain.control, ENDPOINTS[0], [Fault(Kind.LAG, blocks=45)])

    end = await updated(world, asked(confirmed.prepared))

    assert isinstance(end, MetadataUriUpdated)
    assert metadata_of(world).uri == NEW


async def all_lag(world: World, slots: int) -> None:
    for endpoint in ENDPOINTS:
        await client.misbehave(world.chain.control, endpoint, [Fault(Kind.LAG, blocks=slots)])


async def all_are_well(world: World) -> None:
    for endpoint in ENDPOINTS:
        await client.misbehave(world.chain.control, endpoint, [])

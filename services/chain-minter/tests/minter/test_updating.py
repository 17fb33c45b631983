"""Updates of the URI against the sandbox's chain: the real programs, in slots of some ms."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial

import pytest
from solders.pubkey import Pubkey

from chain_minter import queries
from chain_minter.rpc import Endpoint
from chain_minter.transport import HttpTransport
from mint_chain.addresses import metadata_address
from mint_events.catalogue import (
    MetadataUriUpdated,
    UriUpdateFailed,
    UriUpdateOutcome,
    UriUpdateRequested,
)
from mint_events.topics import CHAIN, INFLIGHT
from mint_sandbox.solana import Genesis, serve, token_metadata_program

from .updates import (
    NEW,
    OTHER,
    asked,
    landed,
    metadata_of,
    minted,
    submitted,
    told,
    until,
    updated,
)
from .world import Process, World

STEPS_OF_AN_UPDATE = 30


@pytest.fixture
async def world() -> AsyncIterator[World]:
    program = token_metadata_program(os.environ)
    genesis = Genesis(seed=1)
    async with (
        serve(program, genesis=genesis, slot_seconds=0.01) as chain,
        HttpTransport(seconds=30, connections=16) as transport,
    ):
        yield World(chain, transport)


@pytest.mark.requirement("CH-10")
async def test_the_nft_names_the_new_uri_and_all_else_stays(world: World) -> None:
    confirmed = await minted(world)
    before = world.there()
    assert before.metadata is not None

    end = await updated(world, asked(confirmed.prepared))

    (signed,) = submitted(world, NEW)
    assert end == MetadataUriUpdated(
        mint_id="mint-1",
        mint_address=confirmed.mint_address,
        metadata_address=str(metadata_address(world.address("mint-1"))),
        uri=NEW,
        signature=signed.signature,
        slot=end.slot if isinstance(end, MetadataUriUpdated) else 0,
    )
    after = world.there()
    assert after == replace(before, metadata=replace(before.metadata, uri=NEW))
    assert after.mint is not None
    assert after.mint.supply == 1
    assert landed(world) == [confirmed.signature, signed.signature]


@pytest.mark.requirement("CH-2", "CH-10")
async def test_what_is_sent_was_recorded_in_both_topics_before(world: World) -> None:
    confirmed = await minted(world)
    seen: list[str] = []

    async def note(step: str) -> None:
        seen.append(step)

    await told(await world.process(note), world, asked(confirmed.prepared))

    sending = seen.index("calling sendTransaction")
    assert seen.index("published on mint.chain.inflight") < sending
    assert seen.index("published on mint.chain") < sending
    (signed,) = submitted(world, NEW)
    assert signed.attempt == 1


@pytest.mark.requirement("CH-10")
async def test_what_was_in_flight_is_gone_when_the_uri_is_updated(world: World) -> None:
    confirmed = await minted(world)

    await updated(world, asked(confirmed.prepared))

    assert world.journal.submissions(INFLIGHT) == []
    assert len(world.journal.submissions(CHAIN)) == 2


@pytest.mark.requirement("CH-2", "CH-10")
async def test_killed_at_any_step_an_update_goes_on_with_its_signature(world: World) -> None:
    ends = [await killed_after(world, steps) for steps in range(STEPS_OF_AN_UPDATE)]

    assert "the update is done" in ends  # so every step before was tried
    assert {"calling sendTransaction", "published on mint.chain.inflight"} <= {*ends}
    for steps in range(STEPS_OF_AN_UPDATE):
        mint_id = f"mint-{steps}"
        signatures = {each.signature for each in submitted(world, NEW) if each.mint_id == mint_id}
        assert metadata_of(world, mint_id).uri == NEW
        assert world.is_whole(mint_id)
        assert len(signatures) == 1
        assert {*landed(world, mint_id)[1:]} == signatures


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

    confirmed = await minted(world, f"mint-{steps}")
    first = await world.process(die)
    work = asyncio.create_task(told(first, world, asked(confirmed.prepared)))
    await asyncio.wait({work, dead}, return_when=asyncio.FIRST_COMPLETED)
    work.cancel()
    assert isinstance(await updated(world, asked(confirmed.prepared)), MetadataUriUpdated)
    return str(dead.result()) if dead.done() else "the update is done"


@pytest.mark.requirement("CH-4", "CH-10")
async def test_the_same_update_again_gives_the_same_answer_and_no_transaction(world: World) -> None:
    request = asked((await minted(world)).prepared)
    first = await told(await world.process(), world, request)

    again = await told(await world.process(), world, request)

    assert replace(again, time=first.time) == first
    assert len(submitted(world, NEW)) == 1
    assert len(landed(world)) == 2


@pytest.mark.requirement("CH-10")
async def test_the_uri_that_it_was_made_with_needs_no_transaction(world: World) -> None:
    confirmed = await minted(world)

    end = await updated(world, asked(confirmed.prepared, confirmed.prepared.uri))

    assert isinstance(end, MetadataUriUpdated)
    assert (end.signature, end.slot) == (confirmed.signature, confirmed.slot)
    assert submitted(world, confirmed.prepared.uri) == []


@pytest.mark.requirement("CH-10")
async def test_who_set_a_uri_may_be_in_no_history_any_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed = await minted(world)

    async def nothing(*_: object) -> list[object]:
        return []

    monkeypatch.setattr(queries, "history", nothing)
    end = await updated(world, asked(confirmed.prepared, confirmed.prepared.uri))

    assert isinstance(end, MetadataUriUpdated)
    assert end.signature is None
    assert end.slot >= confirmed.slot


@pytest.mark.requirement("CH-10")
async def test_who_set_it_before_another_one_was_set_has_not_set_it_now(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = (await minted(world)).prepared
    between = await updated(world, asked(prepared, NEW))
    assert isinstance(between, MetadataUriUpdated)
    await updated(world, asked(prepared, prepared.uri, since_slot=between.slot))
    whole = queries.history

    async def only_the_oldest(endpoint: Endpoint, address: Pubkey) -> Sequence[object]:
        return (await whole(endpoint, address))[-1:]

    monkeypatch.setattr(queries, "history", only_the_oldest)
    end = await updated(world, asked(prepared, prepared.uri, since_slot=between.slot))

    assert isinstance(end, MetadataUriUpdated)
    assert end.signature is None
    assert end.slot > between.slot


@pytest.mark.requirement("CH-10")
async def test_two_processes_that_know_nothing_of_each_other_set_the_same_uri(
    world: World,
) -> None:
    request = asked((await minted(world)).prepared)
    stranger = World(world.chain, world.transport)
    stranger.authority = world.authority

    ends = await asyncio.gather(updated(world, request), updated(stranger, request))

    assert all(isinstance(end, MetadataUriUpdated) for end in ends)
    assert metadata_of(world).uri == NEW
    assert world.is_whole()


@pytest.mark.requirement("CH-3", "CH-10")
async def test_an_expired_transaction_is_followed_by_another_one(world: World) -> None:
    confirmed = await minted(world)
    process = await world.process()
    process.wire.loses_transactions = True
    work = asyncio.create_task(told(process, world, asked(confirmed.prepared)))
    await until(lambda: len(process.wire.sent) >= 2)
    assert len({*process.wire.sent}) == 1
    assert len(submitted(world, NEW)) == 1

    world.pass_blocks(200)  # first, or what is on its way would land after all
    process.wire.loses_transactions = False
    end = (await work).event

    first, second = submitted(world, NEW)
    assert isinstance(end, MetadataUriUpdated)
    assert end.signature == second.signature
    assert (second.attempt, second.earlier) == (2, (first.signature,))
    assert metadata_of(world).uri == NEW
    assert landed(world) == [confirmed.signature, second.signature]


@pytest.mark.requirement("CH-6", "CH-8", "CH-10")
async def test_after_three_expired_signatures_it_is_given_up_until_it_is_asked_for_anew(
    world: World,
) -> None:
    confirmed = await minted(world)
    request = asked(confirmed.prepared)

    given_up = await given_up_after_three(world, request)

    signatures = tuple(each.signature for each in submitted(world, NEW))
    assert given_up == UriUpdateFailed(
        mint_id="mint-1",
        user_id="user",
        mint_address=confirmed.mint_address,
        uri=NEW,
        outcome=UriUpdateOutcome.GIVEN_UP,
        signatures=signatures,
        detail=given_up.detail,
    )
    assert "3 transactions failed or expired" in given_up.detail
    assert await updated(world, request) == given_up
    assert len(submitted(world, NEW)) == 3
    assert world.is_whole()

    anew = await updated(world, request, times="anew")
    *_, last = submitted(world, NEW)
    assert isinstance(anew, MetadataUriUpdated)
    assert (last.attempt, last.earlier) == (1, signatures)
    assert metadata_of(world).uri == NEW


async def given_up_after_three(world: World, request: UriUpdateRequested) -> UriUpdateFailed:
    process = await world.process()
    process.wire.loses_transactions = True
    work = asyncio.create_task(told(process, world, request))
    for count in (1, 2, 3):
        await until(partial(has_sent, process, count))
        world.pass_blocks(200)
    end = (await work).event
    assert isinstance(end, UriUpdateFailed)
    return end


def has_sent(process: Process, count: int) -> bool:
    return len({*process.wire.sent}) == count


@pytest.mark.requirement("CH-10")
async def test_a_verified_member_of_a_collection_stays_one(world: World) -> None:
    collection = await minted(world, "collection")
    confirmed = await minted(world, collection=collection.mint_address)
    before = metadata_of(world)
    assert before.collection is not None
    assert before.collection.verified

    await updated(world, asked(confirmed.prepared))

    assert metadata_of(world) == replace(before, uri=NEW)


@pytest.mark.requirement("CH-10")
async def test_the_newest_of_several_updates_stays(world: World) -> None:
    confirmed = await minted(world)
    for uri in (NEW, OTHER, confirmed.prepared.uri):
        end = await updated(world, asked(confirmed.prepared, uri))
        assert isinstance(end, MetadataUriUpdated)
        assert metadata_of(world).uri == uri

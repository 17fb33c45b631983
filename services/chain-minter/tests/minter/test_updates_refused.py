"""Updates of the URI that can not be made: nothing is signed, and a person is told why."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from solders.keypair import Keypair

from chain_minter.transport import HttpTransport
from mint_events.catalogue import (
    MetadataUriUpdated,
    UriUpdateFailed,
    UriUpdateOutcome,
    UriUpdateRequested,
)
from mint_sandbox.solana import Genesis, serve, token_metadata_program

from .updates import asked, change, landed, minted, submitted, updated
from .world import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    program = token_metadata_program(os.environ)
    genesis = Genesis(seed=1)
    async with (
        serve(program, genesis=genesis, slot_seconds=0.01) as chain,
        HttpTransport(seconds=30, connections=16) as transport,
    ):
        yield World(chain, transport)


async def refused(world: World, request: UriUpdateRequested, why: str) -> None:
    """Nothing is signed, and a person is told why."""
    before = landed(world)
    end = await updated(world, request)
    assert isinstance(end, UriUpdateFailed)
    assert end.outcome is UriUpdateOutcome.REFUSED
    assert end.signatures == ()
    assert why in end.detail
    assert submitted(world, end.uri) == []
    assert landed(world) == before


@pytest.mark.requirement("CH-10")
async def test_an_immutable_nft_is_left_alone_and_a_person_is_told(world: World) -> None:
    confirmed = await minted(world, is_mutable=False)

    await refused(world, asked(confirmed.prepared), f"immutable and names {confirmed.prepared.uri}")


@pytest.mark.requirement("CH-10")
async def test_an_nft_that_has_become_immutable_since_is_left_alone(world: World) -> None:
    confirmed = await minted(world)
    change(world, is_mutable=False)

    await refused(world, asked(confirmed.prepared), "immutable")


@pytest.mark.requirement("CH-10")
async def test_an_immutable_nft_that_names_the_uri_already_is_as_it_should_be(
    world: World,
) -> None:
    confirmed = await minted(world, is_mutable=False)

    end = await updated(world, asked(confirmed.prepared, confirmed.prepared.uri))

    assert isinstance(end, MetadataUriUpdated)


@pytest.mark.requirement("CH-10")
async def test_an_nft_that_is_anothers_to_update_is_left_alone(world: World) -> None:
    confirmed = await minted(world)
    owner = Keypair().pubkey()
    change(world, update_authority=owner)

    await refused(world, asked(confirmed.prepared), f"is {owner}'s to update")


@pytest.mark.requirement("CH-10")
async def test_an_update_never_mints(world: World) -> None:
    await refused(world, asked(world.prepared()), "there is no metadata account")

    assert world.there().mint is None


@pytest.mark.requirement("CH-10", "CH-11")
async def test_an_update_of_another_authoritys_nft_is_not_signed(world: World) -> None:
    confirmed = await minted(world)
    other = replace(confirmed.prepared, authority=str(Keypair().pubkey()))

    await refused(world, asked(other), "holds the keys of")


@pytest.mark.requirement("CH-10")
async def test_an_update_for_another_address_is_not_signed(world: World) -> None:
    confirmed = await minted(world)

    await refused(world, asked(replace(confirmed.prepared, mint_address="x")), "prepared for x")


@pytest.mark.requirement("CH-10")
async def test_a_uri_that_is_too_long_is_not_signed(world: World) -> None:
    confirmed = await minted(world)

    await refused(world, asked(confirmed.prepared, "u" * 201), "201 bytes")
    assert isinstance(
        await updated(world, asked(confirmed.prepared, "u" * 200)), MetadataUriUpdated
    )

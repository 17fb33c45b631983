"""One mint through each fault of the endpoints: one NFT, one signature, whatever struck."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from chain_minter.transport import Transport
from mint_events.catalogue import MintConfirmed
from mint_resilience.failures import Outage
from mint_runtime.addresses import NAMES, Address
from mint_sandbox.faults import Fault, Kind

from .misbehaving import (
    ALL,
    CAREFUL,
    PRIMARY,
    SENDING,
    TELLING_HEIGHTS,
    assert_one_nft,
    assert_struck,
    minted,
    misbehave,
    three_endpoints,
    until,
)
from .world import Process, World

TURNED_AWAY = {
    "429 without Retry-After": Fault(Kind.RATE_LIMITED),
    "429 inside HTTP 200": Fault(Kind.RPC_ERROR),
    "a node that says it is behind": Fault(Kind.RPC_ERROR, code=-32005),
    "a web page": Fault(Kind.HTML),
}
"""What was asked for is not done, and the answer says so."""

SERVED = {
    "slow": Fault(Kind.SLOW, seconds=0.3),
    "answers trickle": Fault(Kind.TRICKLE, seconds=0.1),
    "answers end in the middle": Fault(Kind.TRUNCATED),
    "heights too low": Fault(Kind.HEIGHT, TELLING_HEIGHTS, blocks=-300),
    "heights too low, though not by much": Fault(Kind.HEIGHT, TELLING_HEIGHTS, blocks=-40),
    "transactions land late": Fault(Kind.LATE, SENDING, blocks=20),
    "transactions land in the last valid block": Fault(Kind.LATE, SENDING),
    "replies lost": Fault(Kind.LOST_REPLY),
    "replies to sent transactions lost": Fault(Kind.LOST_REPLY, SENDING),
}
"""What was asked for is done: late, or it is not told, or not as it is."""

FLAPPING = Fault(Kind.FLAP, seconds=2)
A_WHILE = 2
"""So many requests are struck at each endpoint, and the next ones are not."""


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with three_endpoints() as world:
        yield world


def for_a_while(fault: Fault) -> Fault:
    return replace(fault, when=replace(fault.when, count=A_WHILE))


def only_signature(world: World) -> str:
    """Of the one transaction that was signed."""
    (signature,) = {submitted.signature for submitted in world.journal.submissions()}
    return signature


@pytest.mark.requirement("CH-3", "CH-5", "NR-1")
@pytest.mark.parametrize("fault", (faults := TURNED_AWAY | SERVED).values(), ids=faults)
async def test_one_nft_and_one_signature_although_the_primary_misbehaves(
    world: World, fault: Fault
) -> None:
    await misbehave(world, PRIMARY, fault)

    confirmed = await minted(world, await world.process(rules=CAREFUL))

    assert confirmed.signature == only_signature(world)
    await assert_struck(world, PRIMARY)


@pytest.mark.requirement("CH-3", "CH-5", "NR-1")
@pytest.mark.parametrize("fault", TURNED_AWAY.values(), ids=TURNED_AWAY)
async def test_one_nft_and_one_signature_after_all_endpoints_have_turned_a_mint_away(
    world: World, fault: Fault
) -> None:
    for endpoint in ALL:
        await misbehave(world, endpoint, for_a_while(fault))

    confirmed = await minted(world, await world.process(rules=CAREFUL))

    assert confirmed.signature == only_signature(world)
    for endpoint in ALL:
        await assert_struck(world, endpoint)


@pytest.mark.requirement("CH-3", "CH-5", "NR-1")
@pytest.mark.parametrize("fault", SERVED.values(), ids=SERVED)
async def test_one_nft_and_one_signature_although_all_endpoints_misbehave_for_a_while(
    world: World, fault: Fault
) -> None:
    for endpoint in ALL:
        await misbehave(world, endpoint, for_a_while(fault))

    confirmed = await minted(world, await world.process(rules=CAREFUL))

    assert confirmed.signature == only_signature(world)
    await assert_struck(world, PRIMARY)


class Refusals:
    """Counts the calls for which nobody listened: a closed port can not count them itself."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.by: Counter[str] = Counter()

    async def post(self, address: Address, body: str) -> str:
        try:
            return await self._inner.post(address, body)
        except Outage:
            self.by[address.name] += 1
            raise


@pytest.mark.requirement("CH-3", "CH-5", "NR-1")
@pytest.mark.parametrize("endpoints", [(PRIMARY,), ALL], ids=["the primary", "all"])
async def test_one_nft_and_one_signature_although_endpoints_come_and_go(
    world: World, endpoints: tuple[str, ...]
) -> None:
    world.transport = refusals = Refusals(world.transport)
    process = await world.process(rules=CAREFUL)
    for endpoint in endpoints:
        await misbehave(world, endpoint, FLAPPING)

    confirmed = await minted(world, process)

    assert confirmed.signature == only_signature(world)
    assert {*refusals.by} == {*NAMES[: len(endpoints)]}


@pytest.mark.requirement("CH-3")
async def test_one_endpoint_that_tells_heights_too_low_holds_no_expired_mint_back(
    world: World,
) -> None:
    for endpoint in ALL:
        await misbehave(world, endpoint, Fault(Kind.DROP, SENDING))
    too_low = Fault(Kind.HEIGHT, TELLING_HEIGHTS, blocks=-10_000)
    await misbehave(world, PRIMARY, Fault(Kind.DROP, SENDING), too_low)
    process = await world.process(rules=CAREFUL)
    work = asyncio.create_task(process.mint(world.prepared()))
    await until(lambda: has_sent_everywhere(process))
    assert len(world.journal.submissions()) == 1

    world.pass_blocks(200)
    await until(lambda: len(world.journal.submissions()) == 2)
    await assert_struck(world, PRIMARY)
    for endpoint in ALL:
        await misbehave(world, endpoint)

    assert isinstance(await work, MintConfirmed)
    assert_one_nft(world)


def has_sent_everywhere(process: Process) -> bool:
    return len({name for name, method in process.wire.asked if method == "sendTransaction"}) == 3

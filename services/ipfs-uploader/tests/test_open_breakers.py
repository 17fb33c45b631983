"""Providers that keep failing are left alone; the work waits for them and is not spent (NR-3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from ipfs_uploader.guarded import guarded
from ipfs_uploader.kubo import Kubo
from ipfs_uploader.pinata import Pinata
from ipfs_uploader.service import Outputs, Uploader
from mint_events.bus import Publish
from mint_events.catalogue import AssetsPinned, MintAccepted, MintRequested
from mint_events.envelope import Received, root
from mint_resilience.breaker import BreakerPolicy
from mint_resilience.failures import AllUnavailable, Transient

if TYPE_CHECKING:
    from conftest import Network

POLICY = BreakerPolicy(minimum_calls=2, probe_interval=30.0)
REQUEST = MintRequested(
    mint_id="m-1",
    user_id="u",
    wallet="w",
    name="n",
    symbol="s",
    level=3,
    image=b"\x89PNG\r\n\x1a\n" + bytes(100),
)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cautious(uploader: Uploader, pinata: Pinata, kubo: Kubo, clock: Clock) -> Uploader:
    """The uploader with breakers that open after two failed calls, on the test's clock."""
    providers = guarded((pinata, kubo), breaker=POLICY, clock=clock)
    pinning = replace(uploader.pinning, providers=providers)
    return replace(uploader, pinner=pinning, pinning=pinning)


async def handled(uploader: Uploader) -> Outputs:
    accepted = MintAccepted(mint_id="m-1", request=REQUEST, arrival=1)
    cause = root(accepted, id=UUID(int=1), source="test", time=datetime(2026, 11, 23, tzinfo=UTC))
    return await uploader.handle(
        Received(
            envelope=cause,
            topic="mint.ledger",
            partition=0,
            offset=0,
            key=b"",
            value=b"",
            headers=(),
        )
    )


@pytest.mark.requirement("NR-2", "NR-3")
async def test_while_all_breakers_are_open_the_mint_waits_and_nobody_is_asked(
    cautious: Uploader, network: Network, clock: Clock
) -> None:
    network.fail("pinata", "broken")
    network.fail("kubo", "broken")
    with pytest.raises(Transient):
        await handled(cautious)
    network.calls.clear()

    for _ in range(20):
        with pytest.raises(AllUnavailable) as put_off:
            await handled(cautious)
        assert 0 < (put_off.value.retry_after or 0) <= POLICY.probe_interval

    assert network.calls == []


@pytest.mark.requirement("NR-2", "NR-3")
async def test_a_probe_that_succeeds_lets_the_waiting_mint_go_on(
    cautious: Uploader, network: Network, clock: Clock
) -> None:
    network.fail("pinata", "broken")
    network.fail("kubo", "broken")
    with pytest.raises(Transient):
        await handled(cautious)
    network.faults.clear()
    clock.seconds += POLICY.probe_interval

    [told] = [
        o.envelope.event for o in await _until_told(cautious, clock) if isinstance(o, Publish)
    ]

    assert isinstance(told, AssetsPinned)


async def _until_told(uploader: Uploader, clock: Clock) -> Outputs:
    """Handle it again whenever it asks for, as the consumer does."""
    while True:
        try:
            return await handled(uploader)
        except AllUnavailable as put_off:
            clock.seconds += put_off.retry_after or 0.0

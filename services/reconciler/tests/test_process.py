"""The reconciler as a process, on real Kafka and PostgreSQL."""

from __future__ import annotations

import pytest

from .conftest import whole_mint
from .running import World


@pytest.mark.requirement("MF-7", "RE-10")
async def test_a_mint_goes_from_request_to_completion_through_kafka(world: World) -> None:
    async with world.reconciler():
        for event in whole_mint():
            await world.happens(event)
        await world.ledger.until(lambda: "MintCompleted" in world.ledger.of("mint-1"))
    assert world.ledger.of("mint-1") == ["MintAccepted", "MintPrepared", "MintCompleted"]

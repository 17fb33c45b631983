"""Batches on a real database: stored once, decided once, projected, in one transaction."""

from __future__ import annotations

import pytest

from . import given as g
from .conftest import Bench, whole_mint

COMPLETED = ["MintAccepted", "MintPrepared", "MintCompleted"]


@pytest.mark.requirement("MF-7")
async def test_a_mint_goes_from_request_to_completion(bench: Bench) -> None:
    for event in whole_mint():
        await bench.happens(event)
    assert await bench.kinds() == COMPLETED
    (record,) = await bench.rows("SELECT * FROM mint_record")
    assert record["status"] == "completed"
    assert record["metadata_cid"] == "bafymeta-mint-1"
    assert record["metadata_json"] == g.METADATA
    assert record["slot"] == 9
    assert not record["holds_user_back"]
    assert await bench.rows("SELECT * FROM user_lock") == []
    assert await bench.rows("SELECT nft_count, highest_level FROM user_record") == [
        {"nft_count": 1, "highest_level": 3}
    ]


@pytest.mark.requirement("RE-2")
async def test_one_batch_decides_what_many_batches_decide(bench: Bench) -> None:
    await bench.happens(*whole_mint())
    assert await bench.kinds() == COMPLETED

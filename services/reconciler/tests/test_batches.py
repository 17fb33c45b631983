"""Batches on a real database: stored once, decided once, projected, in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from mint_events import catalogue as c
from mint_events.store import audit
from mint_events.topics import DEADLETTER, IPFS, REQUESTS
from reconciler import batch, service
from reconciler.batch import BatchWriter
from reconciler.offsets import Advance, sift, stretches_of

from . import given as g
from .conftest import Bench, Clock, reconciler_on, whole_mint

COMPLETED = ["MintAccepted", "MintPrepared", "MintCompleted"]
STEPS = ("become_writer", "append", "load_states", "write_changes", "advance")


@pytest.mark.requirement("MF-7")
async def test_a_mint_goes_from_request_to_completion(bench: Bench) -> None:
    for event in whole_mint():
        await bench.happens(event)
    assert await bench.kinds() == COMPLETED
    (record,) = await bench.rows("SELECT * FROM mint_record")
    assert record["status"] == "completed"
    assert record["metadata_cid"] == "bafymeta-mint-1"
    assert record["slot"] == 9
    assert not record["holds_user_back"]
    assert await bench.rows("SELECT * FROM user_lock") == []
    assert await bench.rows("SELECT metadata_json FROM mint_document") == [
        {"metadata_json": g.METADATA}
    ]
    assert await bench.rows("SELECT nft_count, highest_level FROM user_record") == [
        {"nft_count": 1, "highest_level": 3}
    ]


@pytest.mark.requirement("CH-10", "RE-1")
async def test_a_completed_mint_has_the_uri_that_was_set_last_and_a_failure_calls_once(
    bench: Bench,
) -> None:
    updates = (g.uri_updated(), g.uri_failed(uri="ipfs://bafyother"))
    await bench.happens(*whole_mint(), *updates)
    await bench.happens(*updates)

    assert await bench.kinds() == [*COMPLETED, "InterventionRequired"]
    (record,) = await bench.rows("SELECT status, uri, detail FROM mint_record")
    assert (record["status"], record["uri"]) == ("completed", "ipfs://bafynew")
    assert record["detail"] is None


@pytest.mark.requirement("RE-2")
async def test_one_batch_decides_what_many_batches_decide(bench: Bench) -> None:
    await bench.happens(*whole_mint())
    assert await bench.kinds() == COMPLETED


@pytest.mark.requirement("RE-1")
async def test_every_event_is_in_the_store_once_with_its_place_and_its_bytes(bench: Bench) -> None:
    await bench.happens(*whole_mint())
    rows = await bench.rows(
        "SELECT topic, partition, record_offset, value FROM event_store WHERE received"
        " ORDER BY position"
    )
    sent = [r for records in bench.log.topics.values() for r in records]
    assert [(r["topic"], r["record_offset"], r["value"]) for r in rows] == [
        (r.position.topic, r.position.offset, r.value) for r in sent
    ]
    async with bench.pool.acquire() as connection:
        assert await audit(connection) == []


@pytest.mark.requirement("MF-5")
async def test_the_second_mint_of_a_user_waits_for_the_lock(bench: Bench) -> None:
    await bench.happens(g.request(), g.request("mint-2"), g.pinned(), g.pinned("mint-2"))
    (held,) = await bench.rows("SELECT user_id, mint_id, fencing_token FROM user_lock")
    assert (held["user_id"], held["mint_id"]) == ("user-1", "mint-1")
    await bench.happens(g.confirmed(), g.phase(1))
    (passed,) = await bench.rows("SELECT mint_id, fencing_token FROM user_lock")
    assert passed["mint_id"] == "mint-2"
    assert passed["fencing_token"] > held["fencing_token"]  # type: ignore[operator] # numbers
    assert await bench.kinds("mint-2") == ["MintAccepted", "MintPrepared"]


@pytest.mark.requirement("MF-5")
async def test_a_long_queue_is_worked_off_in_order_of_arrival(bench: Bench) -> None:
    mints = [f"mint-{n}" for n in range(20)]
    await bench.happens(*(g.request(mint) for mint in mints))
    await bench.happens(*(g.pinned(mint) for mint in reversed(mints)))
    for mint in mints:
        (held,) = await bench.rows("SELECT mint_id FROM user_lock")
        assert held["mint_id"] == mint
        await bench.happens(g.confirmed(mint), g.phase(1, mint_id=mint))
    assert await bench.rows("SELECT * FROM user_lock") == []


@pytest.mark.requirement("MF-9")
async def test_many_failures_of_one_user_in_a_batch_let_the_next_one_begin(bench: Bench) -> None:
    mints = [f"mint-{n}" for n in range(10)]
    await bench.happens(*(g.request(mint) for mint in mints), g.pinned("mint-9"))
    await bench.happens(*(g.pin_failed(mint) for mint in mints[:9]))
    assert await bench.kinds("mint-9") == ["MintAccepted", "MintPrepared"]


@pytest.mark.requirement("MF-9")
async def test_content_that_another_mint_in_the_database_needs_is_not_unpinned(
    bench: Bench,
) -> None:
    await bench.happens(g.request("other", user_id="user-2"), g.pinned("other"))
    await bench.happens(g.request())
    await bench.happens(g.pin_failed("mint-1", g.asset("bafyimage"), g.asset("bafyonly")))
    assert (await bench.ledger())[-1] == c.UnpinRequested(mint_id="mint-1", cids=("bafyonly",))


@pytest.mark.requirement("RE-1")
async def test_redelivery_of_everything_changes_nothing(bench: Bench) -> None:
    await bench.happens(*whole_mint())
    before = await bench.snapshot()
    for records in bench.log.topics.values():
        await bench.reconciler.process(records)
    assert await bench.snapshot() == before


@pytest.mark.requirement("RE-1")
async def test_an_event_that_its_producer_sent_twice_counts_once(bench: Bench) -> None:
    await bench.happens(g.request())
    await bench.happens(g.request())
    assert await bench.kinds() == ["MintAccepted"]


@pytest.mark.requirement("MF-1")
async def test_the_same_request_under_another_event_id_is_answered_with_the_state(
    bench: Bench,
) -> None:
    await bench.happens(g.request(), g.pinned())
    await bench.reconciler.process(bench.log.send(g.sent(g.request(), salt="again")))
    assert await bench.kinds() == ["MintAccepted", "MintPrepared", "MintStateReported"]


@pytest.mark.requirement("RE-1")
async def test_an_event_id_that_is_taken_by_another_event_ends_in_a_dead_letter(
    bench: Bench,
) -> None:
    first = g.sent(g.request())
    second = replace(g.sent(g.request("mint-2")), id=first.id)
    await bench.reconciler.process(bench.log.send(first, second, g.sent(g.request("mint-3"))))
    (letter,) = bench.log.letters
    assert letter.mint_id == "mint-2"
    assert "id of its own" in letter.detail
    assert await bench.kinds("mint-3") == ["MintAccepted"]


@pytest.mark.requirement("MF-2")
@pytest.mark.parametrize("value", [None, b"", b"\x00garbage", b"\xc3\x01" + bytes(20)])
async def test_garbage_is_a_dead_letter_and_the_partition_goes_on(
    bench: Bench, value: bytes | None
) -> None:
    records = [
        *bench.log.send(g.sent(g.request())),
        bench.log.send_raw(REQUESTS.name, b"garbage", value),
        *bench.log.send(g.sent(g.request("mint-2"))),
    ]
    await bench.reconciler.process(records)
    (letter,) = bench.log.letters
    assert (letter.mint_id, letter.offset, letter.value) == ("garbage", 1, value or b"")
    assert letter.service == "reconciler"
    assert await bench.kinds("mint-2") == ["MintAccepted"]


@pytest.mark.requirement("RE-1")
async def test_a_dead_letter_is_an_event_of_the_store_and_no_mint(bench: Bench) -> None:
    await bench.reconciler.process([bench.log.send_raw(REQUESTS.name, b"garbage", b"no event")])
    (letter,) = bench.log.letters

    await bench.happens(letter)

    kinds = await bench.rows("SELECT type, mint_id FROM event_store")
    assert kinds == [{"type": "RecordDeadLettered", "mint_id": "garbage"}]
    assert await bench.rows("SELECT * FROM mint_record") == []


@pytest.mark.requirement("RE-1", "NR-6")
async def test_what_can_not_be_read_of_the_dead_letters_leads_to_no_further_one(
    bench: Bench,
) -> None:
    garbage = bench.log.send_raw(DEADLETTER.name, b"garbage", b"no event")

    await bench.reconciler.process([garbage])

    assert bench.log.letters == []


@pytest.mark.requirement("MF-2")
async def test_an_event_that_the_database_can_not_hold_is_alone_given_up(bench: Bench) -> None:
    mints = [f"mint-{n}" for n in range(9)] + ["nul\0"]
    await bench.happens(*(g.request(mint, user_id=mint) for mint in sorted(mints)))
    (letter,) = bench.log.letters
    assert letter.mint_id == "nul\0"
    assert await bench.rows("SELECT count(*) FROM mint_record") == [{"count": 9}]


@pytest.mark.requirement("MF-2")
async def test_a_request_with_a_character_that_no_column_holds_is_rejected(bench: Bench) -> None:
    await bench.happens(g.request(name="a\0b", user_id="c\0d"))
    (rejected,) = await bench.ledger()
    assert isinstance(rejected, c.MintRejected)
    assert rejected.field == "user_id"


@pytest.mark.requirement("RE-1")
async def test_a_gap_is_read_from_kafka_again(bench: Bench) -> None:
    skipped, last = bench.log.send(g.sent(g.request("mint-1")), g.sent(g.request("mint-2")))
    await bench.reconciler.process([last])
    assert await bench.kinds("mint-1") == ["MintAccepted"]
    assert await bench.kinds("mint-2") == ["MintAccepted"]
    before = await bench.snapshot()
    await bench.reconciler.process([skipped])
    assert await bench.snapshot() == before


@pytest.mark.requirement("RE-1")
async def test_offsets_that_kafka_holds_no_record_at_are_passed(bench: Bench) -> None:
    _, last = bench.log.send(g.sent(g.request("mint-1")), g.sent(g.request("mint-2")))
    bench.log.gone.add((REQUESTS.name, 0))
    await bench.reconciler.process([last])
    assert await bench.kinds("mint-1") == []
    assert await bench.kinds("mint-2") == ["MintAccepted"]


@pytest.mark.requirement("RE-10")
@pytest.mark.parametrize("step", STEPS)
async def test_a_batch_that_breaks_off_leaves_nothing_behind(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    await bench.happens(g.request())
    before = await bench.snapshot()
    records = bench.log.send(g.sent(g.pinned()), g.sent(g.request("mint-2")))
    (advance,) = [sift(stretches_of(records), {(REQUESTS.name, 0): 1, (IPFS.name, 0): 0})]
    assert isinstance(advance, Advance)
    events = [
        bench.codec.decode(
            r.position.topic, 0, r.position.offset, r.timestamp_ms, r.key, r.value, r.headers
        )
        for r in advance.records
    ]
    monkeypatch.setattr(batch, step, _then_breaking(getattr(batch, step)))
    writer = BatchWriter(bench.pool, bench.codec, g.POLICY, Clock())
    with pytest.raises(ConnectionResetError):
        await writer.write(advance, events)
    monkeypatch.undo()
    after = await bench.snapshot()
    assert {**after, "event_shard": []} == {**before, "event_shard": []}
    assert after["event_shard"] == before["event_shard"]


@pytest.mark.requirement("RE-9")
@pytest.mark.parametrize("step", STEPS)
async def test_a_batch_that_broke_off_is_written_once_afterwards(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr(batch, step, _then_breaking(getattr(batch, step), times=1))
    await bench.happens(*whole_mint())
    assert await bench.kinds() == COMPLETED
    assert await bench.rows("SELECT count(*) FROM event_store") == [{"count": 8}]


def _then_breaking(
    original: Callable[..., Awaitable[Any]], times: int = 1000
) -> Callable[..., Awaitable[Any]]:
    """Does what it should, then loses the connection, so many times."""
    left = [times]

    async def breaking(*arguments: Any, **named: Any) -> Any:
        result = await original(*arguments, **named)
        if left[0]:
            left[0] -= 1
            raise ConnectionResetError("the connection was lost")
        return result

    return breaking


async def test_two_reconcilers_with_the_same_records_write_them_once(bench: Bench) -> None:
    records = bench.log.send(*(g.sent(event) for event in whole_mint()))
    other = reconciler_on(bench.pool, bench.log)
    await asyncio.gather(bench.reconciler.process(records), other.process(records))
    assert await bench.kinds() == COMPLETED
    assert await bench.rows("SELECT count(*) FROM event_store") == [{"count": 8}]


async def test_a_batch_of_large_records_is_written_in_smaller_ones(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST_BYTES", 1000)
    await bench.happens(*(g.request(f"mint-{n}", user_id=f"user-{n}") for n in range(20)))
    transactions = await bench.rows("SELECT count(DISTINCT recorded_at) AS n FROM event_store")
    assert await bench.rows("SELECT count(*) FROM mint_record") == [{"count": 20}]
    assert transactions[0]["n"] > 1  # type: ignore[operator] # a number

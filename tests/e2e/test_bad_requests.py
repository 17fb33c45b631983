"""What is wrong ends with a reason, and everything else goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from solders.pubkey import Pubkey
from support.orders import order, with_level
from support.upstream import Upstream

from mint_chain.addresses import metadata_address
from mint_events.catalogue import (
    MintCompleted,
    MintRejected,
    MintRequested,
    MintStateReported,
    RecordDeadLettered,
    RejectionReason,
)
from mint_sandbox.tenant import Tenant
from trimint.fleet import Fleet

OFF_CURVE = str(metadata_address(Pubkey.default()))
"""A program-derived address: no key can sign for it, so no wallet has it."""


def _bad(request: MintRequested) -> dict[str, MintRequested]:
    """One bad request for each field, by the field that is at fault."""
    cases: dict[str, MintRequested] = {
        "wallet": replace(request, wallet=OFF_CURVE),
        "name": replace(request, name="x" * 33),
        "symbol": replace(request, symbol="x" * 11),
        "level": replace(request, level=10_000),
        "seller_fee_basis_points": replace(request, seller_fee_basis_points=10_001),
        "image": replace(request, image=b"\x89PNG\r\n\x1a\n" + bytes(10 * 1024 * 1024)),
    }
    return {
        field: replace(case, mint_id=f"{request.mint_id}-{field}") for field, case in cases.items()
    }


@pytest.mark.requirement("MF-2")
async def test_each_bad_request_is_rejected_by_field_and_the_good_one_completes(
    fleet: Fleet, shop: Upstream, unique_name: str
) -> None:
    good, bad = order(unique_name), _bad(order(f"{unique_name}-bad"))

    await shop.request(*bad.values(), good)
    ends = await shop.ends([good.mint_id, *(r.mint_id for r in bad.values())], within=120)

    assert isinstance(ends[good.mint_id], MintCompleted)
    named = {field: ends[request.mint_id] for field, request in bad.items()}
    assert {f: e.field for f, e in named.items() if isinstance(e, MintRejected)} == {
        field: field for field in bad
    }


@pytest.mark.requirement("MF-2", "NR-6")
async def test_undecodable_records_are_dead_lettered_with_their_bytes_and_the_rest_goes_on(
    fleet: Fleet, shop: Upstream, unique_name: str
) -> None:
    unknown_schema = b"\xc3\x01" + b"\x00" * 8 + b"payload"
    good = order(unique_name)

    garbage = await shop.send_raw(b"not avro at all", key=good.mint_id.encode())
    unknown = await shop.send_raw(unknown_schema, key=good.mint_id.encode())
    await shop.request(good)
    ends = await shop.ends([good.mint_id], within=120)
    await shop.until(2, RecordDeadLettered, within=60)

    assert isinstance(ends[good.mint_id], MintCompleted)
    letters = [
        received.envelope.event
        for received in shop.seen
        if isinstance(received.envelope.event, RecordDeadLettered)
    ]
    assert {(letter.partition, letter.offset): letter.value for letter in letters} == {
        (garbage.partition, garbage.offset): b"not avro at all",
        (unknown.partition, unknown.offset): unknown_schema,
    }
    assert all(letter.detail for letter in letters)


@pytest.mark.requirement("MF-1")
async def test_a_mint_id_that_comes_again_changes_nothing(
    fleet: Fleet, shop: Upstream, unique_name: str, tenant: Tenant
) -> None:
    first = order(unique_name)

    await shop.request(first)
    await shop.request(first, with_level(first, first.level + 1))
    ended = await shop.first(MintCompleted, mint_id=first.mint_id)
    reported = await shop.first(MintStateReported, mint_id=first.mint_id)
    rejected = await shop.first(MintRejected, mint_id=first.mint_id)

    assert rejected.reason == RejectionReason.IDEMPOTENCY_CONFLICT
    assert reported.mint_id == ended.mint_id
    assert [line for service in fleet for line in service.complaints()] == []

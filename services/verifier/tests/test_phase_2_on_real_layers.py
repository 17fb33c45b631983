"""Given a mint that passed phase 1, when one of the three layers changes, then phase 2 finds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mint_content.unixfs import cid_of
from mint_events.catalogue import (
    CheckOutcome,
    MintConfirmed,
    VerificationDue,
)

from .layers import LEVEL, Layers
from .looking import (
    Endpoints,
    Heard,
    failing,
    outcomes,
    phase,
    received,
    running,
    settings_of,
    verified,
)


def phase_2(layers: Layers, confirmed: MintConfirmed) -> VerificationDue:
    """What is due once phase 1 has passed."""
    return VerificationDue(
        mint_id=layers.prepared.mint_id,
        phase=2,
        round=0,
        checks=(
            "metadata_available",
            "image_available",
            "partner_flow",
            "partner_endpoint",
            "nothing_orphaned",
        ),
        finalized_slot=confirmed.slot,
        confirmed=confirmed,
    )


@pytest.mark.requirement("VE-2", "VE-3")
async def test_a_mint_that_is_right_everywhere_passes_phase_2(
    layers: Layers, endpoints: Endpoints
) -> None:
    await layers.pin(layers.image, layers.document)
    await layers.record(status="verified")
    confirmed = await layers.mint()
    await verified(confirmed, layers.authority.pubkey(), endpoints)

    outputs = await verified(phase_2(layers, confirmed), layers.authority.pubkey(), endpoints)

    assert outcomes(outputs) == dict.fromkeys(
        ("metadata_available", "image_available", "partner_flow", "nothing_orphaned"),
        CheckOutcome.PASSED,
    )
    completed = phase(outputs)
    assert completed is not None
    assert (completed.phase, completed.outcome) == (2, CheckOutcome.PASSED)


@pytest.mark.requirement("OB-1")
async def test_every_endpoint_s_calls_are_told_to_who_counts_them(
    layers: Layers, endpoints: Endpoints
) -> None:
    confirmed = await layers.all_right()
    heard = Heard()
    settings = settings_of(endpoints)

    async with running(settings, layers.authority.pubkey(), observer=heard) as (verifier, _):
        for event in (confirmed, phase_2(layers, confirmed)):
            await verifier.handle(received(event))

    gateways = [gateway.name for gateway in settings.gateways]
    assert {
        "solana primary ok",
        f"database {settings.database.name} ok",
        f"partner-gateway {gateways[0]} ok",
        *(f"ipfs-gateway {gateway} ok" for gateway in gateways),
    } <= set(heard.told)


@pytest.mark.requirement("VE-2")
async def test_an_image_that_is_gone_and_a_lock_that_stayed_fail_phase_2(
    layers: Layers, endpoints: Endpoints
) -> None:
    await layers.pin(layers.document)
    await layers.record(status="verified")
    await layers.lock()
    confirmed = await layers.mint()
    await verified(confirmed, layers.authority.pubkey(), endpoints)

    outputs = await verified(phase_2(layers, confirmed), layers.authority.pubkey(), endpoints)

    assert failing(outputs) == {"image_available", "nothing_orphaned"}


@pytest.mark.requirement("VE-2")
@pytest.mark.parametrize(("kept", "outcome"), [(True, "passed"), (False, "failed")])
async def test_an_animation_is_asked_of_the_gateways_where_a_mint_has_one(
    layers: Layers, endpoints: Endpoints, kept: bool, outcome: str
) -> None:
    video = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + layers.prepared.mint_id.encode()
    layers.prepared = replace(
        layers.prepared,
        animation_cid=str(cid_of(video)),
        animation_sha256=sha256(video).hexdigest(),
    )
    await layers.pin(*([video] if kept else []))
    confirmed = await layers.mint()
    due = replace(phase_2(layers, confirmed), checks=("animation_available",))

    outputs = await verified(due, layers.authority.pubkey(), endpoints)

    assert outcomes(outputs) == {"animation_available": CheckOutcome(outcome)}


@pytest.mark.requirement("VE-3")
@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ({"level": LEVEL}, CheckOutcome.PASSED),
        ({"level": LEVEL + 1}, CheckOutcome.FAILED),
        ({"nothing": "useful"}, CheckOutcome.INCONCLUSIVE),
    ],
)
async def test_a_partners_own_endpoint_is_called_where_there_is_one(
    layers: Layers, endpoints: Endpoints, answer: dict[str, Any], outcome: CheckOutcome
) -> None:
    asked: list[Mapping[str, str]] = []

    async def level(request: web.Request) -> web.Response:
        asked.append(dict(request.query))
        return web.json_response(answer)

    app = web.Application()
    app.router.add_get("/level", level)
    confirmed = await layers.all_right()
    async with TestServer(app) as partner:
        endpoints.partner = str(partner.make_url("/level").with_query(key="k3y"))
        work = replace(phase_2(layers, confirmed), checks=("partner_endpoint",))
        outputs = await verified(work, layers.authority.pubkey(), endpoints)

    assert outcomes(outputs) == {"partner_endpoint": outcome}
    assert asked[0]["key"] == "k3y"
    assert asked[0]["wallet"] == layers.prepared.wallet
    assert asked[0]["authority"] == str(layers.authority.pubkey())

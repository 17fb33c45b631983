"""Given a mint in the real three layers, when one of them is wrong, then exactly that is found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from solders.keypair import Keypair

from mint_content.cid import Cid
from mint_content.unixfs import cid_of
from mint_events.catalogue import (
    CheckOutcome,
)

from .layers import LEVEL, Layers, document_of
from .looking import (
    Endpoints,
    due,
    evidence,
    failing,
    inconclusive,
    named,
    outcomes,
    phase,
    verified,
)


@pytest.mark.requirement("VE-1", "VE-4")
async def test_a_mint_that_is_right_everywhere_passes_phase_1(
    layers: Layers, endpoints: Endpoints
) -> None:
    confirmed = await layers.all_right()

    outputs = await verified(confirmed, layers.authority.pubkey(), endpoints)

    assert len(outcomes(outputs)) == 8
    assert set(outcomes(outputs).values()) == {CheckOutcome.PASSED}
    completed, later = phase(outputs), due(outputs)
    assert completed is not None
    assert (completed.phase, completed.outcome) == (1, CheckOutcome.PASSED)
    assert completed.finalized_slot == confirmed.slot
    assert later is not None
    assert (later[0].phase, later[1]) == (2, 300)


@pytest.mark.requirement("VE-1", "VE-5")
@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        pytest.param({"uri": "ipfs://other"}, {"metadata_account"}, id="URI"),
        pytest.param({"name": "Other"}, {"metadata_account"}, id="name"),
        pytest.param({"wallet": Keypair().pubkey()}, {"token_account"}, id="owner"),
        pytest.param({"steps": 2}, {"mint_account", "master_edition"}, id="no master edition"),
        pytest.param(
            {"steps": 1}, {"mint_account", "metadata_account", "master_edition"}, id="no metadata"
        ),
    ],
)
async def test_what_is_wrong_on_the_chain_fails_that_check_alone(
    layers: Layers, endpoints: Endpoints, wrong: dict[str, Any], found: set[str]
) -> None:
    await layers.pin(layers.image, layers.document)
    await layers.record()
    confirmed = await layers.mint(**wrong)

    outputs = await verified(confirmed, layers.authority.pubkey(), endpoints)

    assert failing(outputs) == found
    assert inconclusive(outputs) == set()
    completed = phase(outputs)
    assert completed is not None
    assert (completed.outcome, set(completed.failed_checks)) == (CheckOutcome.FAILED, found)
    assert due(outputs) is None


@pytest.mark.requirement("VE-1")
async def test_an_nft_of_another_authority_is_not_ours(
    layers: Layers, endpoints: Endpoints
) -> None:
    confirmed = await layers.all_right()

    outputs = await verified(confirmed, Keypair().pubkey(), endpoints)

    assert {"mint_account", "token_account", "metadata_account"} <= failing(outputs)


@pytest.mark.requirement("VE-1")
async def test_content_that_is_not_pinned_fails_its_retrieval_alone(
    layers: Layers, endpoints: Endpoints
) -> None:
    await layers.record()
    confirmed = await layers.mint()

    outputs = await verified(confirmed, layers.authority.pubkey(), endpoints)

    assert failing(outputs) == {"metadata_retrievable"}
    assert inconclusive(outputs) == {"metadata_level"}


@pytest.mark.requirement("VE-1")
async def test_a_document_of_another_level_fails_the_level_alone(
    layers: Layers, endpoints: Endpoints
) -> None:
    document = document_of(layers.image, LEVEL + 1)
    cid: Cid = cid_of(document)
    layers.prepared = replace(layers.prepared, uri=cid.uri, metadata_cid=str(cid))
    await layers.pin(layers.image, document)
    await layers.record()
    confirmed = await layers.mint()

    outputs = await verified(confirmed, layers.authority.pubkey(), endpoints)

    assert failing(outputs) == {"metadata_level"}
    assert evidence(outputs, "metadata_level")["level"] == "expected 7, saw 8"


@pytest.mark.requirement("VE-1")
@pytest.mark.parametrize("wrong", [{"level": 8}, {"uri": "ipfs://other"}, {"status": "failed"}])
async def test_a_record_that_disagrees_fails_that_check_alone(
    layers: Layers, endpoints: Endpoints, wrong: dict[str, Any]
) -> None:
    await layers.pin(layers.image, layers.document)
    await layers.record(**wrong)
    confirmed = await layers.mint()

    outputs = await verified(confirmed, layers.authority.pubkey(), endpoints)

    assert failing(outputs) == {"record_agrees"}


@pytest.mark.requirement("VE-5")
async def test_what_can_not_be_reached_is_inconclusive_and_only_that_is_tried_again(
    layers: Layers, endpoints: Endpoints, nobody: str
) -> None:
    confirmed = await layers.all_right()
    endpoints.gateways = (nobody,)

    outputs = await verified(confirmed, layers.authority.pubkey(), endpoints)

    assert inconclusive(outputs) == {"metadata_retrievable", "metadata_level"}
    assert (failing(outputs), phase(outputs)) == (set(), None)
    later = due(outputs)
    assert later is not None
    assert set(later[0].checks) == {"metadata_retrievable", "metadata_level"}
    assert (later[0].round, later[1]) == (1, 30)
    endpoints.gateways = tuple(layers.ipfs.gateways)
    again = phase(await verified(later[0], layers.authority.pubkey(), endpoints))
    assert again is not None
    assert (again.outcome, again.finalized_slot) == (CheckOutcome.PASSED, confirmed.slot)


@pytest.mark.requirement("VE-5")
async def test_a_chain_or_database_that_is_down_fails_nothing(
    layers: Layers, endpoints: Endpoints, nobody: str
) -> None:
    confirmed = await layers.all_right()
    endpoints.solana = (nobody,)
    endpoints.database = f"postgresql://app@{nobody.removeprefix('http://')}/app"

    outputs = await verified(confirmed, layers.authority.pubkey(), endpoints, finality_timeout=0.2)

    assert failing(outputs) == set()
    assert named(outputs, CheckOutcome.PASSED) == {"metadata_retrievable", "metadata_level"}


@pytest.mark.requirement("VE-5")
async def test_an_endpoint_that_is_down_is_passed_over(
    layers: Layers, endpoints: Endpoints, nobody: str
) -> None:
    confirmed = await layers.all_right()
    endpoints.solana = (nobody, *endpoints.solana)
    endpoints.gateways = (nobody, *endpoints.gateways)

    outputs = await verified(confirmed, layers.authority.pubkey(), endpoints)

    assert set(outcomes(outputs).values()) == {CheckOutcome.PASSED}

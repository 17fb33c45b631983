"""What pinning tells of its troubles: in log lines, and in the failure that it ends with."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from structlog.testing import capture_logs

from ipfs_uploader.assets import Content
from ipfs_uploader.pinning import Pinning
from mint_content.gateway import GatewayPool
from mint_content.unixfs import cid_of
from mint_resilience.backoff import Backoff
from mint_resilience.budget import Budget, spending
from mint_resilience.failures import BudgetExhausted, Failure, Outage, Permanent, Transient
from mint_resilience.hosts import host_of

if TYPE_CHECKING:
    from conftest import Network

CONTENT = Content("m-1.json", "application/json", b"{}", cid_of(b"{}"))


@pytest.mark.requirement("NR-1")
async def test_every_retry_and_failover_is_logged_with_its_class(
    pinning: Pinning, network: Network
) -> None:
    network.fail("pinata", "broken")

    with capture_logs() as lines:
        await pinning.pin(CONTENT)

    assert [(line["event"], line["failure"]) for line in lines] == [
        ("retrying", "transient"),
        ("provider failed", "transient"),
    ]
    assert {line["endpoint"] for line in lines} == {host_of(network.endpoints.pinata_api)}


async def test_the_failure_names_the_content_and_each_provider(
    pinning: Pinning, network: Network
) -> None:
    network.fail("pinata", "broken")
    network.fail("kubo", "locked")

    with pytest.raises(Transient, match=r"m-1.json \(bafk.*HTTP 503.*; .*HTTP 401"):
        await pinning.pin(CONTENT)


@pytest.mark.requirement("MF-4")
async def test_an_outage_goes_to_the_backup_without_a_second_try(
    pinning: Pinning, network: Network
) -> None:
    network.fail("pinata", "locked")

    with capture_logs() as lines:
        asset = await pinning.pin(CONTENT)

    assert asset.providers == ("kubo",)
    assert [line["event"] for line in lines] == ["provider failed"]


async def test_without_a_provider_nothing_can_be_kept(http: httpx.AsyncClient) -> None:
    nobody = Pinning((), GatewayPool(http, ()), Backoff(attempts=1, base=0.0))

    with pytest.raises(Transient, match="no provider is set"):
        await nobody.pin(CONTENT)


async def test_the_same_content_pinned_by_two_at_once_is_there_once(
    pinning: Pinning, network: Network
) -> None:
    assets = await asyncio.gather(pinning.pin(CONTENT), pinning.pin(CONTENT))

    assert assets[0] == assets[1]
    await pinning.unpin(CONTENT.cid)
    assert not await pinning.providers[0].holds(CONTENT.cid)


@pytest.mark.requirement("NR-3")
@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        (("locked", "locked"), Outage),
        (("locked", "missing"), Outage),
        (("missing", "missing"), Permanent),
        (("locked", "broken"), Transient),
    ],
)
async def test_only_who_was_there_and_failed_costs_the_mint_an_attempt(
    pinning: Pinning, network: Network, faults: tuple[str, str], kind: type[Failure]
) -> None:
    network.fail("pinata", faults[0])
    network.fail("kubo", faults[1])

    with pytest.raises(Failure) as failed:
        await pinning.pin(CONTENT)

    assert type(failed.value) is kind


@pytest.mark.requirement("NR-4")
async def test_a_budget_that_is_spent_is_not_taken_for_providers_that_are_away(
    pinning: Pinning, network: Network
) -> None:
    network.fail("pinata", "broken")
    network.fail("kubo", "broken")

    with (
        spending(Budget(attempts=0, seconds=60.0, clock=time.monotonic)),
        pytest.raises(BudgetExhausted),
    ):
        await pinning.pin(CONTENT)

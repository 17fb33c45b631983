"""Given real endpoints that fail, when a mint is verified, then they are understood and left alone,
and what they can not say is never taken for a failure of the mint."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from mint_events.catalogue import CheckCompleted, CheckOutcome
from mint_resilience.failures import (
    AllUnavailable,
    Degraded,
    Failure,
    Outage,
    RateLimited,
    Transient,
)
from mint_sandbox.faults import Fault, Kind, When
from mint_sandbox.faults.model import MAX_LAG
from mint_sandbox.python_servers import SolanaServer
from verifier.expectation import expectation
from verifier.phase import first_phase
from verifier.plan import PHASE_1

from .layers import Layers
from .looking import (
    Clock,
    Endpoints,
    failing,
    inconclusive,
    outcomes,
    published,
    received,
    running,
    settings_of,
)

PRIMARY, BACKUP = "primary", "backup-1"
SERVERS = ("solana-1", "solana-2")
ACCOUNTS = ("mint_account", "token_account", "metadata_account", "master_edition")
ON_CHAIN = {"transaction_finalized", *ACCOUNTS}
PROBE_SECONDS = 30.0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def solana() -> AsyncIterator[SolanaServer]:
    server = SolanaServer(slot_ms=50, endpoints=len(SERVERS))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def endpoints(solana: SolanaServer, endpoints: Endpoints) -> AsyncIterator[Endpoints]:
    endpoints.solana = solana.rpc_urls
    yield endpoints
    await solana.behave()


async def asked(solana: SolanaServer) -> int:
    """How many requests have reached the chain's endpoints."""
    calls = await solana.calls()
    return sum(sum(calls[server].values()) for server in SERVERS)


@pytest.mark.requirement("NR-1")
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(Kind.REFUSE), Outage),
        (Fault(Kind.HANG), Degraded),
        (Fault(Kind.SERVER_ERROR), Transient),
        (Fault(Kind.SERVER_ERROR, status=401), Outage),
        (Fault(Kind.LOST_REPLY), Transient),
        (Fault(Kind.CUT_OFF), Transient),
        (Fault(Kind.TRUNCATED), Transient),
        (Fault(Kind.GARBAGE), Transient),
        (Fault(Kind.HTML), Transient),
        (Fault(Kind.RATE_LIMITED, seconds=7), RateLimited),
        (Fault(Kind.RPC_ERROR), RateLimited),  # 429 inside HTTP 200
        (Fault(Kind.RPC_ERROR, code=-32005), Outage),
    ],
    ids=lambda value: value.kind.value if isinstance(value, Fault) else "",
)
async def test_what_an_rpc_endpoint_does_is_called_by_its_class(
    layers: Layers, endpoints: Endpoints, fault: Fault, kind: type[Failure]
) -> None:
    expected = expectation(await layers.mint(), layers.authority.pubkey())
    await layers.solana.misbehave("solana-1", fault)
    settings = settings_of(endpoints, solana_check_timeout=0.5)

    async with running(settings, expected.authority) as (_, clients):
        with pytest.raises(Failure) as raised:
            await clients.chain.nft_accounts(PRIMARY, expected)

    assert type(raised.value) is kind
    assert raised.value.endpoint == PRIMARY
    if isinstance(raised.value, RateLimited):
        assert raised.value.retry_after == fault.seconds


@pytest.mark.requirement("CH-11", "NR-1")
async def test_the_key_of_an_rpc_endpoint_is_not_taken_elsewhere(
    layers: Layers, endpoints: Endpoints
) -> None:
    visited: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        visited.append(request.path)
        return web.Response(status=307, headers={"Location": f"/elsewhere{request.path}"})

    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", elsewhere)
    async with TestServer(app) as server:
        endpoints.solana = (str(server.make_url("/key")),)
        async with running(settings_of(endpoints), layers.authority.pubkey()) as (_, clients):
            with pytest.raises(Transient, match="HTTP 307"):
                await clients.chain.holdings(PRIMARY, layers.authority.pubkey())

    assert visited == ["/key"]


@pytest.mark.requirement("NR-1", "VE-4")
async def test_an_endpoint_that_wants_patience_is_asked_again_when_it_says(
    layers: Layers, endpoints: Endpoints
) -> None:
    confirmed = await layers.all_right()
    for gateway in ("gateway-1", "gateway-2"):
        await layers.ipfs.misbehave(gateway, Fault(Kind.RATE_LIMITED, When(count=1), seconds=40))
    endpoints.gateways = endpoints.gateways[:2]
    clock = Clock()

    async with running(settings_of(endpoints), layers.authority.pubkey(), clock=clock) as (
        verifier,
        _,
    ):
        outputs = await verifier.handle(received(confirmed))

    await layers.ipfs.behave()
    assert outcomes(outputs)["metadata_retrievable"] == "passed"
    assert max(clock.slept) >= 40


@pytest.mark.requirement("NR-2", "NR-3", "VE-5")
async def test_while_nobody_may_be_asked_nobody_is_and_the_checks_stay_inconclusive(
    layers: Layers, endpoints: Endpoints
) -> None:
    confirmed = await layers.all_right()
    for server in SERVERS:
        await layers.solana.misbehave(server, Fault(Kind.SERVER_ERROR))
    clock = Clock()
    settings = settings_of(endpoints, breaker_minimum_calls=2, finality_timeout=1.0)

    async with running(settings, layers.authority.pubkey(), clock=clock) as (verifier, _):
        await verifier.handle(received(confirmed))
        await layers.solana.behave()
        before = await asked(layers.solana)
        during = await verifier.handle(received(confirmed))
        assert await asked(layers.solana) == before
        await clock.sleep(PROBE_SECONDS)
        after = await verifier.handle(received(confirmed))

    assert inconclusive(during) == ON_CHAIN
    assert failing(during) == set()
    events = [event for event in published(during) if isinstance(event, CheckCompleted)]
    first = next(event for event in events if event.check == "transaction_finalized")
    assert (first.failure, first.attempts) == ("unavailable", 0)
    assert set(outcomes(after).values()) == {"passed"}


@pytest.mark.requirement("CH-5", "VE-5")
async def test_an_endpoint_that_lags_neither_denies_a_mint_nor_is_read(
    layers: Layers, endpoints: Endpoints
) -> None:
    confirmed = await layers.all_right()
    expected = expectation(confirmed, layers.authority.pubkey())
    accounts = replace(first_phase(confirmed, PHASE_1), checks=ACCOUNTS)

    async with running(settings_of(endpoints), expected.authority) as (verifier, clients):
        await verifier.handle(received(confirmed))  # it is finalized now
        await layers.solana.misbehave("solana-1", Fault(Kind.LAG, blocks=MAX_LAG))
        outputs = await verifier.handle(received(accounts))
        await clients.chain.nft_accounts(PRIMARY, expected)  # compared with the other one
        with pytest.raises(AllUnavailable):
            await clients.chain.nft_accounts(PRIMARY, expected)

    assert outcomes(outputs) == dict.fromkeys(ACCOUNTS, CheckOutcome.PASSED)
    told = {e.endpoint for e in published(outputs) if isinstance(e, CheckCompleted)}
    assert told == {BACKUP}


@pytest.mark.requirement("CH-5", "VE-5")
async def test_where_all_endpoints_lag_the_mint_waits_for_them(
    layers: Layers, endpoints: Endpoints
) -> None:
    confirmed = await layers.all_right()
    for server in SERVERS:
        await layers.solana.misbehave(server, Fault(Kind.LAG, blocks=MAX_LAG))
    settings = settings_of(endpoints, finality_timeout=0.5)

    async with running(settings, layers.authority.pubkey()) as (verifier, _):
        outputs = await verifier.handle(received(confirmed))

    assert inconclusive(outputs) == ON_CHAIN


@pytest.mark.requirement("NR-2", "NR-3")
async def test_a_database_that_is_away_is_left_alone(
    layers: Layers, endpoints: Endpoints, nobody: str
) -> None:
    endpoints.database = f"postgresql://app@{nobody.removeprefix('http://')}/app"
    settings = settings_of(endpoints, breaker_minimum_calls=2)

    async with running(settings, layers.authority.pubkey()) as (_, clients):
        for _ in range(2):
            with pytest.raises(Outage):
                await clients.records.record("m-1")
        with pytest.raises(AllUnavailable):
            await clients.records.record("m-1")


@pytest.mark.requirement("NR-1", "VE-5")
async def test_a_database_that_does_not_let_us_read_fails_nothing(
    layers: Layers, endpoints: Endpoints
) -> None:
    confirmed = await layers.all_right()
    await layers.execute("drop table mint_record cascade")

    async with running(settings_of(endpoints), layers.authority.pubkey()) as (verifier, _):
        outputs = await verifier.handle(received(confirmed))

    assert inconclusive(outputs) == {"record_agrees"}
    events = [event for event in published(outputs) if isinstance(event, CheckCompleted)]
    record = next(event for event in events if event.check == "record_agrees")
    assert (record.failure, record.attempts) == ("permanent", 1)

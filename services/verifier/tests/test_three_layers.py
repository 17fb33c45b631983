"""Given a mint in the real three layers, when one of them is wrong, then exactly that is found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solana.rpc.models import TxOpts
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from mint_chain.addresses import metadata_address, token_account_address
from mint_chain.instructions import missing_steps
from mint_chain.nft import ABSENT, Nft
from mint_chain.transaction import SignedTransaction, sign
from mint_content import metadata
from mint_content.cid import Cid
from mint_content.unixfs import cid_of
from mint_events.bus import Delay, Output, Publish
from mint_events.catalogue import (
    CheckCompleted,
    CheckOutcome,
    Event,
    MintConfirmed,
    MintPrepared,
    PhaseCompleted,
    VerificationDue,
)
from mint_events.envelope import Envelope, Received, root
from mint_sandbox.authority import fund
from mint_sandbox.ports import free_ports
from mint_sandbox.postgres import Database
from mint_sandbox.python_servers import IpfsServer, SolanaServer
from verifier.database import RecordReader
from verifier.examination import Examiner, Limits
from verifier.finality import FinalityWatch
from verifier.gateways import Gateways
from verifier.partner import Partner, PartnerEndpoint
from verifier.phase import Waits
from verifier.plan import Clients, Plan, Rules
from verifier.rpc import SolanaReader
from verifier.service import Verifier

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LEVEL = 7
TABLES = Path(__file__).parents[2] / "reconciler/src/reconciler/migrations/0002_projection.sql"
QUICK = Limits(attempts=2, timeout=5.0, backoff=0.0)
RULES = Rules(
    solana=QUICK, ipfs=QUICK, database=QUICK, partner=QUICK, finality=20.0, gateways_required=1
)
INSERT_RECORD = """
    insert into mint_record (mint_id, user_id, wallet, level, status, mint_address, metadata_cid,
        image_cid, uri, name, symbol, is_mutable, holds_user_back, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, false, now())
"""
IMAGE = b"\x89PNG\r\n\x1a\n an image of its own: "


@pytest.fixture(scope="module")
async def treasury(solana: SolanaServer) -> Keypair:
    """A funded mint authority, for all tests here."""
    authority = Keypair()
    await fund(str(authority.pubkey()), solana.rpc_url)
    return authority


@dataclass
class Layers:
    """One mint as it was asked for, and the ways to make the three layers hold it, or not."""

    prepared: MintPrepared
    authority: Keypair
    image: bytes
    document: bytes
    solana: SolanaServer
    ipfs: IpfsServer
    database: Database

    async def pin(self, *contents: bytes) -> None:
        async with httpx.AsyncClient() as http:
            for content in contents:
                answer = await http.post(
                    f"{self.ipfs.kubo_rpc_url}/api/v0/add?cid-version=1", files={"file": content}
                )
                answer.raise_for_status()

    async def mint(self, *, steps: int | None = None, **changed: Any) -> MintConfirmed:
        """Make the NFT, `changed` from what was prepared, with the first `steps` only."""
        nft = replace(self.nft, **changed)
        async with AsyncClient(self.solana.rpc_url, Confirmed) as client:
            rent = (await client.get_minimum_balance_for_rent_exemption(82)).value
            latest = (await client.get_latest_blockhash(Confirmed)).value
            wanted = missing_steps(nft, ABSENT, rent=rent)[:steps]
            signed = sign(wanted, self.authority, latest.blockhash, units=300_000, price=1)
            slot = await _land(client, signed)
        return MintConfirmed(
            mint_id=self.prepared.mint_id,
            mint_address=str(nft.mint),
            metadata_address=str(metadata_address(nft.mint)),
            token_account=str(token_account_address(nft.wallet, nft.mint)),
            signature=str(signed.signature),
            slot=slot,
            prepared=self.prepared,
        )

    @property
    def nft(self) -> Nft:
        return Nft(
            mint_id=self.prepared.mint_id,
            authority=self.authority.pubkey(),
            wallet=Pubkey.from_string(self.prepared.wallet),
            name=self.prepared.name,
            symbol=self.prepared.symbol,
            uri=self.prepared.uri,
            seller_fee_basis_points=self.prepared.seller_fee_basis_points,
            creators=(),
            collection=None,
            is_mutable=True,
        )

    async def record(self, status: str = "confirmed", **changed: Any) -> None:
        wanted = replace(self.prepared, **changed)
        await self.execute(
            INSERT_RECORD,
            wanted.mint_id,
            wanted.user_id,
            wanted.wallet,
            wanted.level,
            status,
            wanted.mint_address,
            wanted.metadata_cid,
            wanted.image_cid,
            wanted.uri,
            wanted.name,
            wanted.symbol,
            wanted.is_mutable,
        )

    async def lock(self) -> None:
        prepared = self.prepared
        await self.execute(
            "insert into user_lock values ($1, $2, 1, now())", prepared.user_id, prepared.mint_id
        )

    async def execute(self, statement: str, *values: Any) -> None:
        connection = await asyncpg.connect(self.database.dsn())
        try:
            await connection.execute(statement, *values)
        finally:
            await connection.close()

    async def all_right(self) -> MintConfirmed:
        """Make all three layers as they should be."""
        await self.pin(self.image, self.document)
        await self.record()
        return await self.mint()


async def _land(client: AsyncClient, signed: SignedTransaction) -> int:
    options = TxOpts(preflight_commitment=Confirmed)
    await client.send_raw_transaction(signed.raw, options)
    answer = await client.confirm_transaction(signed.signature, Confirmed, sleep_seconds=0.05)
    assert answer.value[0] is not None
    assert answer.value[0].err is None
    return answer.value[0].slot


def document_of(image: bytes, level: int) -> bytes:
    return metadata.compose(
        name="Hero",
        symbol="HERO",
        description="",
        level=level,
        image=cid_of(image),
        image_type="image/png",
    ).to_bytes()


@pytest.fixture
async def layers(
    treasury: Keypair, solana: SolanaServer, ipfs: IpfsServer, database: Database, unique_name: str
) -> Layers:
    """A mint that is nowhere yet; the database has the reconciler's tables."""
    image = IMAGE + unique_name.encode()
    prepared = prepare(unique_name, treasury.pubkey(), image, document_of(image, LEVEL))
    connection = await asyncpg.connect(database.dsn())
    await connection.execute(TABLES.read_text())
    await connection.close()
    document = document_of(image, LEVEL)
    return Layers(prepared, treasury, image, document, solana, ipfs, database)


def prepare(mint_id: str, authority: Pubkey, image: bytes, document: bytes) -> MintPrepared:
    cid = cid_of(document)
    nft = Nft(
        mint_id=mint_id,
        authority=authority,
        wallet=Keypair().pubkey(),
        name="Hero",
        symbol="HERO",
        uri=cid.uri,
        seller_fee_basis_points=500,
        creators=(),
        collection=None,
        is_mutable=True,
    )
    return MintPrepared(
        mint_id=mint_id,
        user_id=f"user-of-{mint_id}",
        fencing_token=1,
        authority=str(authority),
        mint_address=str(nft.mint),
        wallet=str(nft.wallet),
        name=nft.name,
        symbol=nft.symbol,
        uri=nft.uri,
        level=LEVEL,
        seller_fee_basis_points=nft.seller_fee_basis_points,
        creators=(),
        collection=None,
        is_mutable=True,
        image_cid=str(cid_of(image)),
        image_sha256=sha256(image).hexdigest(),
        metadata_cid=str(cid),
    )


@dataclass
class Endpoints:
    """Where the verifier looks."""

    solana: tuple[str, ...]
    gateways: tuple[str, ...]
    database: str


@pytest.fixture
def endpoints(solana: SolanaServer, ipfs: IpfsServer, database: Database) -> Endpoints:
    return Endpoints((solana.rpc_url,), tuple(ipfs.gateways), database.dsn())


@pytest.fixture
def nobody() -> str:
    """An address at which nobody listens."""
    return f"http://127.0.0.1:{free_ports(1)[0]}"


async def verified(
    event: Event, authority: Pubkey, endpoints: Endpoints, rules: Rules = RULES
) -> list[Output]:
    """What the verifier, put together as in its process, answers to an event."""
    async with (
        httpx.AsyncClient() as http,
        asyncpg.create_pool(endpoints.database, min_size=0, max_size=2) as pool,
        aclosing(SolanaReader(endpoints.solana, timeout=5.0)) as chain,
    ):
        gateways = Gateways(http, endpoints.gateways, timeout=5.0)
        watch = FinalityWatch(chain, interval=0.1)
        clients = Clients(
            chain=chain,
            finality=watch,
            gateways=gateways,
            records=RecordReader(pool, endpoints.database),
            partner=Partner(chain, gateways),
            partner_endpoint=PartnerEndpoint(http),
        )
        waits = Waits(phase_2=300, retries=(30,))
        verifier = Verifier(Plan(clients, rules), Examiner(), waits, authority, lambda: NOW)
        async with _running(watch):
            return list(await verifier.handle(received(event)))


@asynccontextmanager
async def _running(watch: FinalityWatch) -> AsyncIterator[None]:
    task = asyncio.create_task(watch.run())
    try:
        yield
    finally:
        task.cancel()


def received(event: Event) -> Received:
    envelope = root(event, id=uuid4(), source="test", time=NOW)
    return Received(
        envelope=envelope,
        topic="mint.chain",
        partition=0,
        offset=0,
        key=None,
        value=b"",
        headers=(),
    )


def published(outputs: list[Output]) -> list[Event]:
    return [output.envelope.event for output in outputs if isinstance(output, Publish)]


def outcomes(outputs: list[Output]) -> dict[str, CheckOutcome]:
    return {e.check: e.outcome for e in published(outputs) if isinstance(e, CheckCompleted)}


def named(outputs: list[Output], outcome: CheckOutcome) -> set[str]:
    return {name for name, seen in outcomes(outputs).items() if seen is outcome}


def failing(outputs: list[Output]) -> set[str]:
    return named(outputs, CheckOutcome.FAILED)


def inconclusive(outputs: list[Output]) -> set[str]:
    return named(outputs, CheckOutcome.INCONCLUSIVE)


def phase(outputs: list[Output]) -> PhaseCompleted | None:
    return next((e for e in published(outputs) if isinstance(e, PhaseCompleted)), None)


def due(outputs: list[Output]) -> tuple[VerificationDue, float] | None:
    for output in outputs:
        if isinstance(output, Delay) and isinstance(output.subject, Envelope):
            event = output.subject.event
            assert isinstance(event, VerificationDue)
            return event, output.wait.seconds
    return None


def evidence(outputs: list[Output], check: str) -> Mapping[str, str]:
    events = [e for e in published(outputs) if isinstance(e, CheckCompleted)]
    return next(e.evidence for e in events if e.check == check)


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

    outputs = await verified(
        confirmed, layers.authority.pubkey(), endpoints, replace(RULES, finality=0.2)
    )

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
        rules = replace(RULES, partner_url=str(partner.make_url("/level")))
        work = replace(phase_2(layers, confirmed), checks=("partner_endpoint",))
        outputs = await verified(work, layers.authority.pubkey(), endpoints, rules)

    assert outcomes(outputs) == {"partner_endpoint": outcome}
    assert asked[0]["wallet"] == layers.prepared.wallet
    assert asked[0]["authority"] == str(layers.authority.pubkey())

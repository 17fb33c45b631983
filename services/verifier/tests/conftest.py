"""What the tests begin with: a mint of level 7 that is right in every layer, seen or real."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import asyncpg
import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.token.state import Mint, TokenAccount, TokenAccountState

from mint_chain import borsh
from mint_chain.accounts import AccountState
from mint_chain.addresses import (
    TOKEN_METADATA_PROGRAM,
    TOKEN_PROGRAM,
    metadata_address,
    mint_address,
    token_account_address,
)
from mint_content import metadata
from mint_content.unixfs import cid_of
from mint_events.catalogue import (
    MintConfirmed,
    MintPrepared,
)
from mint_sandbox.authority import fund
from mint_sandbox.ports import free_ports
from mint_sandbox.postgres import Database
from mint_sandbox.python_servers import IpfsServer, SolanaServer
from verifier.checks.database import RecordSeen
from verifier.checks.solana import AccountsSeen
from verifier.expectation import Expectation, expectation

from .layers import IMAGE, LEVEL, Layers, document_of, prepare
from .looking import Endpoints

MIGRATIONS = Path(__file__).parents[2] / "reconciler/src/reconciler/migrations"


@pytest.fixture(scope="session")
def authority() -> Pubkey:
    return Keypair.from_seed(b"a" * 32).pubkey()


@pytest.fixture(scope="session")
def wallet() -> Pubkey:
    return Keypair.from_seed(b"w" * 32).pubkey()


@pytest.fixture(scope="session")
def stranger() -> Pubkey:
    return Keypair.from_seed(b"s" * 32).pubkey()


@pytest.fixture(scope="session")
def image() -> bytes:
    return b"\x89PNG\r\n\x1a\n the image"


@pytest.fixture(scope="session")
def document(image: bytes) -> bytes:
    return metadata.compose(
        name="Hero #1",
        symbol="HERO",
        description="",
        level=LEVEL,
        image=cid_of(image),
        image_type="image/png",
    ).to_bytes()


@pytest.fixture(scope="session")
def prepared(authority: Pubkey, wallet: Pubkey, image: bytes, document: bytes) -> MintPrepared:
    cid = cid_of(document)
    return MintPrepared(
        mint_id="mint-1",
        user_id="user-1",
        fencing_token=1,
        authority=str(authority),
        mint_address=str(mint_address(authority, "mint-1")),
        wallet=str(wallet),
        name="Hero #1",
        symbol="HERO",
        uri=cid.uri,
        level=LEVEL,
        seller_fee_basis_points=500,
        creators=(),
        collection=None,
        is_mutable=True,
        image_cid=str(cid_of(image)),
        image_sha256=sha256(image).hexdigest(),
        metadata_cid=str(cid),
    )


@pytest.fixture(scope="session")
def confirmed(prepared: MintPrepared, authority: Pubkey, wallet: Pubkey) -> MintConfirmed:
    mint = mint_address(authority, prepared.mint_id)
    return MintConfirmed(
        mint_id=prepared.mint_id,
        mint_address=str(mint),
        metadata_address=str(metadata_address(mint)),
        token_account=str(token_account_address(wallet, mint)),
        signature="5" * 87,
        slot=1000,
        prepared=prepared,
    )


@pytest.fixture(scope="session")
def expected(confirmed: MintConfirmed, authority: Pubkey) -> Expectation:
    return expectation(confirmed, authority)


@pytest.fixture(scope="session")
def accounts(expected: Expectation) -> AccountsSeen:
    """The four accounts as Token Metadata leaves them."""
    edition = expected.master_edition
    return AccountsSeen(
        slot=expected.slot,
        mint=AccountState(1, TOKEN_PROGRAM, bytes(Mint(edition, 1, 0, True, edition))),
        token=AccountState(1, TOKEN_PROGRAM, token_account(expected.mint, expected.wallet, 1)),
        metadata=AccountState(1, TOKEN_METADATA_PROGRAM, metadata_account(expected)),
        edition=AccountState(
            1, TOKEN_METADATA_PROGRAM, borsh.u8(6) + borsh.u64(0) + borsh.option(borsh.u64(0))
        ),
    )


def token_account(mint: Pubkey, wallet: Pubkey, amount: int) -> bytes:
    account = TokenAccount(
        mint=mint,
        owner=wallet,
        amount=amount,
        delegate=None,
        state=TokenAccountState.Initialized,
        is_native=None,
        delegated_amount=0,
        close_authority=None,
    )
    return bytes(account)


def metadata_account(expected: Expectation) -> bytes:
    fields = (
        borsh.u8(4),
        bytes(expected.authority),
        bytes(expected.mint),
        borsh.string(expected.name.ljust(32, "\0")),
        borsh.string(expected.symbol.ljust(10, "\0")),
        borsh.string(expected.uri.ljust(200, "\0")),
        borsh.u16(expected.seller_fee_basis_points),
        borsh.option(
            borsh.vector([bytes(expected.authority) + borsh.boolean(True) + borsh.u8(100)])
        ),
        borsh.boolean(False),
        borsh.boolean(expected.is_mutable),
        borsh.option(borsh.u8(255)),
        borsh.option(borsh.u8(0)),
        borsh.option(None),
        borsh.option(None),
        borsh.option(None),
    )
    return b"".join(fields)


@pytest.fixture(scope="session")
def record(expected: Expectation) -> RecordSeen:
    return RecordSeen(
        mint_id=expected.mint_id,
        user_id=expected.user_id,
        wallet=str(expected.wallet),
        level=expected.level,
        status="confirmed",
        mint_address=str(expected.mint),
        metadata_cid=str(expected.metadata_cid),
        image_cid=str(expected.image_cid),
        uri=expected.uri,
        name=expected.name,
        symbol=expected.symbol,
        is_mutable=expected.is_mutable,
        animation_cid=None,
    )


@pytest.fixture(scope="module")
async def treasury(solana: SolanaServer) -> Keypair:
    """A funded mint authority, for all tests here."""
    authority = Keypair()
    await fund(str(authority.pubkey()), solana.rpc_url)
    return authority


@pytest.fixture
async def layers(
    treasury: Keypair, solana: SolanaServer, ipfs: IpfsServer, database: Database, unique_name: str
) -> Layers:
    """A mint that is nowhere yet; the database has the reconciler's tables."""
    image = IMAGE + unique_name.encode()
    prepared = prepare(unique_name, treasury.pubkey(), image, document_of(image, LEVEL))
    connection = await asyncpg.connect(database.dsn())
    for migration in sorted(MIGRATIONS.glob("*.sql")):
        await connection.execute(migration.read_text())
    await connection.close()
    document = document_of(image, LEVEL)
    return Layers(prepared, treasury, image, document, solana, ipfs, database)


@pytest.fixture
def endpoints(solana: SolanaServer, ipfs: IpfsServer, database: Database) -> Endpoints:
    return Endpoints((solana.rpc_url,), tuple(ipfs.gateways), database.dsn())


@pytest.fixture
def nobody() -> str:
    """An address at which nobody listens."""
    return f"http://127.0.0.1:{free_ports(1)[0]}"

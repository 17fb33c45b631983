"""A chain whose time the test passes, and the public client that talks to it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
from solana.rpc.async_api import AsyncClient
from solders.keypair import Keypair

from mint_sandbox.solana import Genesis, Running, serve, token_metadata_program

from .pair import Pair, two_endpoints
from .wallet import SLOTS_TO_FINALIZE, SOL, Wallet


@pytest.fixture(scope="session")
def program() -> bytes:
    return token_metadata_program(os.environ)


@pytest.fixture
async def chain(program: bytes) -> AsyncIterator[Running]:
    genesis = Genesis(seed=7, skip_rate=0.0)
    async with serve(program, genesis=genesis, slot_seconds=None) as running:
        yield running


@pytest.fixture
async def client(chain: Running) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(chain.rpc) as client:
        yield client


@pytest.fixture
async def wallet(chain: Running, client: AsyncClient) -> Wallet:
    key = Keypair()
    await client.request_airdrop(key.pubkey(), 10 * SOL)
    chain.pass_slots(SLOTS_TO_FINALIZE)
    return Wallet(client, key)


@pytest.fixture
async def pair(program: bytes) -> AsyncIterator[Pair]:
    async with two_endpoints(program) as pair:
        yield pair


@pytest.fixture
async def sender(pair: Pair) -> Wallet:
    """A wallet that sends through the endpoint that misbehaves."""
    key = Keypair()
    await pair.good.request_airdrop(key.pubkey(), 10 * SOL)
    pair.chain.pass_slots(SLOTS_TO_FINALIZE)
    return Wallet(pair.bad, key)

"""The network on free ports, and an HTTP client for it."""

from collections.abc import AsyncIterator

import httpx
import pytest

from mint_sandbox.ipfs.server import IpfsEndpoints, running


@pytest.fixture
async def ipfs() -> AsyncIterator[IpfsEndpoints]:
    async with running() as endpoints:
        yield endpoints


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


@pytest.fixture
async def pinata(ipfs: IpfsEndpoints) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {ipfs.pinata_jwt}"}
    async with httpx.AsyncClient(base_url=ipfs.pinata_api, headers=headers) as client:
        yield client


@pytest.fixture
async def kubo(ipfs: IpfsEndpoints) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{ipfs.kubo_rpc}/api/v0") as client:
        yield client


@pytest.fixture
async def gateway(ipfs: IpfsEndpoints) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=ipfs.gateways[0]) as client:
        yield client

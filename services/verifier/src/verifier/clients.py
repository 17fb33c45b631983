"""The verifier's own clients, put together as the settings say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import httpx

from verifier.database import RecordReader
from verifier.endpoints import Endpoints, Guards
from verifier.finality import FinalityWatch
from verifier.gateways import PARTNER_GATEWAY, Gateways
from verifier.partner import Partner, PartnerEndpoint
from verifier.plan import Clients
from verifier.rpc import RpcEndpoint
from verifier.settings import VerifierSettings
from verifier.solana import DEPENDENCY, SolanaReader

_CONNECT_SECONDS = 5.0
_NO_LIMIT = httpx.Limits(max_connections=None)  # `Rules` bound the looks; nobody waits in here


@asynccontextmanager
async def clients_of(settings: VerifierSettings, guards: Guards) -> AsyncIterator[Clients]:
    """Clients that connect when they are first asked; closed at the end."""
    url = settings.database_read_url.get_secret_value()
    pool = asyncpg.create_pool(url, min_size=0, max_size=settings.database_read_connections)
    async with _http_client(settings) as http, pool:
        chain = _chain(settings, http, guards)
        yield Clients(
            chain=chain,
            finality=FinalityWatch(chain, interval=settings.finality_interval),
            gateways=Gateways(http, settings.gateways, guards, seconds=settings.ipfs_check_timeout),
            records=RecordReader(
                pool, settings.database, guards, seconds=settings.database_check_timeout
            ),
            partner=Partner(chain, _partners_gateways(settings, http, guards)),
            partner_endpoint=_partner_endpoint(settings, http, guards),
        )


def _http_client(settings: VerifierSettings) -> httpx.AsyncClient:
    """Its limit is for a part of an answer; that for all of it is the endpoints'."""
    longest = max(
        settings.solana_check_timeout, settings.ipfs_check_timeout, settings.partner_check_timeout
    )
    timeout = httpx.Timeout(longest, connect=min(_CONNECT_SECONDS, longest))
    return httpx.AsyncClient(timeout=timeout, limits=_NO_LIMIT)


def _chain(settings: VerifierSettings, http: httpx.AsyncClient, guards: Guards) -> SolanaReader:
    return SolanaReader(
        Endpoints(
            DEPENDENCY,
            settings.addresses,
            lambda address: RpcEndpoint(address, http),
            guards,
            seconds=settings.solana_check_timeout,
        )
    )


def _partners_gateways(
    settings: VerifierSettings, http: httpx.AsyncClient, guards: Guards
) -> Gateways:
    return Gateways(
        http,
        settings.public_gateways or settings.gateways,
        guards,
        seconds=settings.partner_check_timeout,
        dependency=PARTNER_GATEWAY,
        trustless=False,
    )


def _partner_endpoint(
    settings: VerifierSettings, http: httpx.AsyncClient, guards: Guards
) -> PartnerEndpoint | None:
    if settings.partner is None:
        return None
    return PartnerEndpoint(http, settings.partner, guards, seconds=settings.partner_check_timeout)

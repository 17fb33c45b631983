"""The providers that the settings name, in the order of preference."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

from ipfs_uploader.kubo import Kubo
from ipfs_uploader.pinata import Pinata, PinataAccount
from ipfs_uploader.pinata_v2 import PinataV2
from ipfs_uploader.pinning_service import PinningService
from ipfs_uploader.provider import Provider
from ipfs_uploader.settings import PINATA, PINATA_V2, ProviderSettings


def providers_of(settings: ProviderSettings, http: httpx.AsyncClient) -> tuple[Provider, ...]:
    """Make the providers; they share the HTTP client, which the caller closes."""
    kinds: dict[str, Callable[[str], Provider]] = {
        PINATA: lambda name: Pinata(_account(settings, http), name),
        PINATA_V2: lambda name: PinataV2(_account(settings, http), name),
    }
    for name in settings.kubo_nodes:
        kinds[name] = lambda name: Kubo(http, rpc_url=settings.kubo_nodes[name], name=name)
    for name in settings.pinning_services:
        kinds[name] = lambda name: _service(settings, http, name)
    return tuple(kinds[name](name) for name in settings.provider_names)


def _service(settings: ProviderSettings, http: httpx.AsyncClient, name: str) -> PinningService:
    token = settings.pinning_service_tokens[name]
    return PinningService(http, url=settings.pinning_services[name], token=token, name=name)


def _account(settings: ProviderSettings, http: httpx.AsyncClient) -> PinataAccount:
    jwt = settings.pinata_jwt
    if jwt is None:
        raise ValueError("TRIMINT_PINATA_JWT is not set")  # the settings have seen to it
    return PinataAccount(
        client=http,
        api_url=settings.pinata_api_url,
        upload_url=settings.pinata_upload_url,
        jwt=jwt.get_secret_value(),
        storage_limit=settings.pinata_storage_bytes,
        now=time.time,
    )

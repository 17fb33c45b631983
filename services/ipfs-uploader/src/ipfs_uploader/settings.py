"""What the uploader needs to know, from the environment."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Literal

from pydantic import Field, FilePath, field_validator, model_validator

from ipfs_uploader.batches import BatchLimits
from ipfs_uploader.folder import MOST_ITEMS
from mint_content.web import trust
from mint_events.bus import Wait
from mint_resilience.backoff import UPLOAD, Backoff
from mint_resilience.postgres import endpoint_of
from mint_runtime.dependencies import BreakerSettings
from mint_runtime.layer_reports import ReportSettings
from mint_runtime.media import MediaSettings
from mint_runtime.retries import RetrySettings
from mint_runtime.settings import CommaList, SecretStr

_URL = r"^https?://[^/?#\s]+"
_HOST = r"[a-z0-9._-]+(:\d{1,5})?|[0-9a-f:]+"
PINATA = "pinata"
PINATA_V2 = "pinata-v2"
KUBO = "kubo"
PINNING_SERVICE = "psa"


class ProviderSettings(BreakerSettings):
    """Who keeps the content: any number of providers, in order of preference."""

    ipfs_providers: CommaList = Field(
        default=(),
        description="names of providers, preferred first: pinata or pinata-v2, kubo, kubo-2 …,"
        " psa, psa-2 …; default: pinata, then every Kubo node and pinning service that is set",
    )
    ipfs_replicas: int = Field(
        default=1, ge=1, description="providers that are to hold everything, from 1 to all"
    )
    ipfs_batch_items: int = Field(
        default=1,
        ge=1,
        le=MOST_ITEMS,
        description=f"contents (two or three per mint) that go up together as one folder, 1 to"
        f" {MOST_ITEMS}; 1: each by itself; for more, raise TRIMINT_UPLOADS_IN_FLIGHT, too",
    )
    ipfs_batch_bytes: int = Field(
        default=32 * 1024 * 1024,
        gt=0,
        description="bytes of contents that go up together, above 0; larger ones go by themselves",
    )
    ipfs_batch_seconds: float = Field(
        default=0.5, ge=0, description="seconds that content waits for others to go up with, from 0"
    )
    pinata_api_url: str = Field(
        default="https://api.pinata.cloud", pattern=_URL, description="URL of Pinata's API"
    )
    pinata_upload_url: str = Field(
        default="https://uploads.pinata.cloud", pattern=_URL, description="URL of Pinata's uploads"
    )
    pinata_jwt: SecretStr | None = Field(
        default=None, min_length=1, description="a token of Pinata"
    )
    pinata_storage_bytes: int | None = Field(
        default=None, gt=0, description="bytes that the plan at Pinata holds, above 0"
    )
    kubo_rpc_url: CommaList = Field(
        default=(), description="URLs of the RPC of Kubo nodes, without /api/v0, comma separated"
    )
    pinning_service_url: CommaList = Field(
        default=(), description="URLs of pinning services, without /pins, comma separated"
    )
    pinning_service_token: SecretStr | None = Field(
        default=None, description="tokens of the pinning services, one each, comma separated"
    )

    @field_validator("kubo_rpc_url", "pinning_service_url")
    @classmethod
    def _are_urls(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        return _urls(urls)

    @model_validator(mode="after")
    def _complete(self) -> ProviderSettings:
        fault = self._fault()
        if fault is not None:
            raise ValueError(fault)
        return self

    def _fault(self) -> str | None:
        names, known = self.provider_names, self._known
        if unknown := [name for name in names if name not in known]:
            there = ", ".join(known)
            return f"TRIMINT_IPFS_PROVIDERS: expected some of {there}, got {', '.join(unknown)}"
        if len(set(names)) < len(names):
            return "TRIMINT_IPFS_PROVIDERS: expected each name once"
        if {PINATA, PINATA_V2} & set(names) and self.pinata_jwt is None:
            return "TRIMINT_PINATA_JWT: expected a token of Pinata, but it is not set"
        if len(self.pinning_service_tokens) != len(self.pinning_service_url):
            return "TRIMINT_PINNING_SERVICE_TOKEN: expected as many tokens as there are services"
        if all(name.startswith(PINNING_SERVICE) for name in names):
            return "TRIMINT_IPFS_PROVIDERS: expected one that takes bytes; a psa only takes CIDs"
        if self.ipfs_batch_items > 1 and PINATA_V2 in names:
            return "TRIMINT_IPFS_BATCH_ITEMS: expected 1, for pinata-v2 takes no folders"
        if self.ipfs_replicas > len(names):
            return f"TRIMINT_IPFS_REPLICAS: expected 1 to {len(names)}, the number of providers"
        return None

    @property
    def provider_names(self) -> tuple[str, ...]:
        """Who is to be used, preferred first."""
        return self.ipfs_providers or (PINATA, *self.kubo_nodes, *self.pinning_services)

    @property
    def kubo_nodes(self) -> dict[str, str]:
        """RPC URLs of the nodes by their names."""
        return _numbered(KUBO, self.kubo_rpc_url)

    @property
    def pinning_services(self) -> dict[str, str]:
        """URLs of the services by their names."""
        return _numbered(PINNING_SERVICE, self.pinning_service_url)

    @property
    def pinning_service_tokens(self) -> dict[str, str]:
        """Tokens of the services by their names."""
        secret = self.pinning_service_token
        tokens = secret.get_secret_value().split(",") if secret else ()
        return _numbered(PINNING_SERVICE, tuple(token.strip() for token in tokens))

    @property
    def batch_limits(self) -> BatchLimits:
        """When a batch is full."""
        return BatchLimits(
            items=self.ipfs_batch_items,
            size=self.ipfs_batch_bytes,
            seconds=self.ipfs_batch_seconds,
        )

    @property
    def _known(self) -> tuple[str, ...]:
        return (PINATA, PINATA_V2, *self.kubo_nodes, *self.pinning_services)


class UploaderSettings(ProviderSettings, MediaSettings, RetrySettings, ReportSettings):
    """All of the uploader's settings; times in seconds, sizes in bytes."""

    ipfs_gateways: CommaList = Field(
        default=("https://gateway.pinata.cloud", "https://ipfs.io", "https://dweb.link"),
        min_length=1,
        description="base URLs of gateways, comma separated, the preferred one first",
    )
    content_cache_bytes: int = Field(
        default=64 * 1024 * 1024,
        ge=0,
        description="bytes of retrieved content that are kept at hand, from 0",
    )
    content_cache_folder: Path | None = Field(
        default=None, description="folder of this process alone to keep it in; default: memory"
    )
    database_read_url: SecretStr | None = Field(
        default=None,
        description="postgresql:// URL of a role that may only SELECT: metadata documents are"
        " read from there when no gateway serves",
    )
    image_url_schemes: Literal["https", "https,http"] = Field(
        default="https", description="https, or https,http to fetch media without encryption, too"
    )
    image_url_allowed_hosts: CommaList = Field(
        default=(),
        description="hosts (host or host:port) that media are fetched from wherever they are,"
        " also inside the network; comma separated",
    )
    image_url_ca_path: FilePath | None = Field(
        default=None,
        description="path of CA certificates (PEM) that such hosts are trusted by, beside the"
        " public ones",
    )
    image_url_seconds: float = Field(
        default=20.0,
        gt=0,
        description="seconds that fetching an image or animation may take, above 0",
    )
    image_url_redirects: int = Field(
        default=3, ge=0, description="redirects followed to an image or animation, from 0"
    )
    image_url_retry_seconds: float = Field(
        default=60.0,
        gt=0,
        description="seconds until an image or animation is fetched again, above 0",
    )
    image_url_patience_seconds: float = Field(
        default=3600.0,
        ge=0,
        description="seconds after which an image or animation that is not there is final",
    )
    ipfs_seconds: float = Field(
        default=30.0, gt=0, description="seconds that one IPFS call may take, above 0"
    )
    ipfs_attempts: int = Field(
        default=UPLOAD.attempts, ge=1, description="tries per provider and retrieval, from 1"
    )
    ipfs_backoff_seconds: float = Field(
        default=UPLOAD.base, ge=0, description="seconds before the second try, doubled after"
    )
    repin_seconds: CommaList = Field(
        default=("60", "600", "3600"),
        min_length=1,
        description="seconds until content is put where it is missing, then until each further"
        " try, the last one for all that follow; comma separated, above 0",
    )
    repins_in_flight: int = Field(
        default=2, ge=1, description="mints whose content is put back at the same time, from 1"
    )
    readiness_seconds: float = Field(
        default=15.0, gt=0, description="seconds between two looks at the providers, above 0"
    )
    readiness_look_seconds: float = Field(
        default=10.0,
        gt=0,
        description="seconds that a look at the providers may take, above 0; who has not answered"
        " by then is not well",
    )
    uploads_in_flight: int = Field(
        default=8, ge=1, description="mints worked on at the same time, from 1"
    )

    @model_validator(mode="after")
    def _has_a_usable_database(self) -> UploaderSettings:
        try:
            if self.database_read_url is not None:
                endpoint_of(self.database_read_url.get_secret_value())
        except ValueError as fault:
            raise ValueError(f"TRIMINT_DATABASE_READ_URL: {fault}") from None
        return self

    @model_validator(mode="after")
    def _next_look_comes_in_time(self) -> UploaderSettings:
        seconds = self.readiness_seconds + self.readiness_look_seconds
        if seconds >= self.health_valid_seconds:
            raise ValueError(
                "TRIMINT_READINESS_SECONDS: expected that and TRIMINT_READINESS_LOOK_SECONDS to be"
                f" less than TRIMINT_HEALTH_VALID_SECONDS ({self.health_valid_seconds:g}) together,"
                f" got {seconds:g}"
            )
        return self

    @field_validator("repin_seconds")
    @classmethod
    def _are_seconds(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if not float(value) > 0:
                raise ValueError(f"{value!r} is not above 0")
        return values

    @field_validator("ipfs_gateways")
    @classmethod
    def _are_gateways(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        return _urls(urls)

    @field_validator("image_url_allowed_hosts")
    @classmethod
    def _are_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        lower = tuple(host.lower() for host in hosts)  # as URLs have them
        for host in lower:
            if not re.fullmatch(_HOST, host):
                raise ValueError(f"{host!r} is no host, nor host:port")
        return lower

    @field_validator("image_url_ca_path")
    @classmethod
    def _holds_certificates(cls, path: Path | None) -> Path | None:
        try:
            trust(path)
        except ssl.SSLError as error:
            raise ValueError(f"no certificates in PEM ({error.reason})") from error
        return path

    @property
    def backoff(self) -> Backoff:
        """How often and how patiently a call to IPFS is tried."""
        return Backoff(attempts=self.ipfs_attempts, base=self.ipfs_backoff_seconds)

    @property
    def repin_waits(self) -> tuple[Wait, ...]:
        """How long to wait before each round of putting content back."""
        return tuple(Wait(float(seconds)) for seconds in self.repin_seconds)

    @property
    def media_retry(self) -> Wait:
        """How long to wait before an image or animation is fetched again."""
        return Wait(self.image_url_retry_seconds)


def _urls(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not re.match(_URL, value):
            raise ValueError(f"{value!r} is no http or https URL")
    return values


def _numbered(kind: str, values: tuple[str, ...]) -> dict[str, str]:
    """Names for several of a kind: the kind itself, then with -2, -3 …"""
    names = (kind if number == 1 else f"{kind}-{number}" for number in range(1, len(values) + 1))
    return dict(zip(names, values, strict=True))

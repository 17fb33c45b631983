"""Settings of the verifier, each by the environment variable `TRIMINT_` + its name."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field, SecretStr, model_validator

from mint_chain.addresses import parse_address
from mint_content.gateway import gateway_name
from mint_events.bus import Wait
from mint_resilience.backoff import (
    DATABASE_BASE,
    IPFS_BASE,
    SAME_ENDPOINT,
    SOLANA_BASE,
    TRANSIENT,
    Backoff,
)
from mint_resilience.failures import Outage, Permanent
from mint_runtime.addresses import Address, parse_addresses
from mint_runtime.dependencies import BreakerSettings
from mint_runtime.retries import RetrySettings
from mint_runtime.settings import CommaList
from verifier.database import database_address
from verifier.phase import Waits
from verifier.plan import Rules

_ROUNDS = "attempts of a check at every endpoint, from 2"
_BACKOFF = "seconds before a check asks the second time, doubled each time"
_TIMEOUT = "seconds that an endpoint has for an answer, above 0"


class VerifierSettings(BreakerSettings, RetrySettings):
    """Endpoints, limits per layer and waits. Times are in seconds."""

    solana_rpc_urls: CommaList = Field(
        min_length=1,
        description="Solana RPC endpoints, the preferred one first, each a URL or name=URL",
    )
    solana_authority: str = Field(
        description="public key (base58) of the mint and update authority, never the secret key"
    )
    ipfs_gateways: CommaList = Field(
        min_length=1, description="base URLs of one or more IPFS gateways, preferred first"
    )
    partner_gateways: CommaList = Field(
        default=(), description="base URLs of the gateways a partner uses; default: the others'"
    )
    partner_url: str | None = Field(
        default=None, description="URL of a partner's own level endpoint"
    )
    database_read_url: SecretStr = Field(
        description="postgresql:// URL of a role that may only SELECT"
    )
    database_read_connections: int = Field(
        default=4, ge=1, description="most connections to the database, from 1"
    )
    gateways_required: int | None = Field(
        default=None,
        ge=1,
        description="gateways that have to serve the content, at most all; default: the majority",
    )
    verify_delay: float = Field(
        default=300.0, gt=0, description="seconds from phase 1 to phase 2, above 0"
    )
    recheck_waits: CommaList = Field(
        default=("30", "120", "600"),
        min_length=1,
        description="seconds until an undecided check is tried again, comma separated",
    )
    finality_timeout: float = Field(
        default=45.0, gt=0, description="seconds to wait for finalization at a time, above 0"
    )
    finality_interval: float = Field(
        default=1.0, gt=0, description="seconds between two polls for finalization, above 0"
    )
    solana_check_attempts: int = Field(default=3, ge=2, description=_ROUNDS)
    solana_check_backoff: float = Field(default=SOLANA_BASE, ge=0, description=_BACKOFF)
    solana_check_timeout: float = Field(default=10.0, gt=0, description=_TIMEOUT)
    solana_checks_at_once: int = Field(
        default=64, ge=1, description="checks that read accounts at a time, from 1"
    )
    ipfs_check_attempts: int = Field(default=3, ge=2, description=_ROUNDS)
    ipfs_check_backoff: float = Field(default=IPFS_BASE, ge=0, description=_BACKOFF)
    ipfs_check_timeout: float = Field(default=30.0, gt=0, description=_TIMEOUT)
    ipfs_checks_at_once: int = Field(
        default=32, ge=1, description="checks that hold content in memory at a time, from 1"
    )
    database_check_attempts: int = Field(default=2, ge=2, description=_ROUNDS)
    database_check_backoff: float = Field(default=DATABASE_BASE, ge=0, description=_BACKOFF)
    database_check_timeout: float = Field(default=5.0, gt=0, description=_TIMEOUT)
    partner_check_attempts: int = Field(default=2, ge=2, description=_ROUNDS)
    partner_check_backoff: float = Field(default=TRANSIENT.base, ge=0, description=_BACKOFF)
    partner_check_timeout: float = Field(default=30.0, gt=0, description=_TIMEOUT)
    verifier_in_flight: int = Field(
        default=512, ge=1, description="mints in work at the same time, from 1"
    )

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The RPC endpoints in order of preference. Raises `ValueError` that shows no URL."""
        return parse_addresses(self.solana_rpc_urls)

    @property
    def gateways(self) -> tuple[Address, ...]:
        """The gateways in order of preference, each once. Raises `ValueError`, as all of these."""
        return _by_host(self.ipfs_gateways)

    @property
    def public_gateways(self) -> tuple[Address, ...]:
        """The gateways that a partner uses; none: the others."""
        return _by_host(self.partner_gateways)

    @property
    def partner(self) -> Address | None:
        """The partner's own endpoint, where there is one."""
        return _address(self.partner_url) if self.partner_url else None

    @property
    def database(self) -> Address:
        """The database by its hosts and name. Raises `ValueError` that shows no URL."""
        return database_address(self.database_read_url.get_secret_value())

    @model_validator(mode="after")
    def _has_usable_endpoints(self) -> VerifierSettings:
        for variable, usable in (
            ("TRIMINT_SOLANA_RPC_URLS", lambda: self.addresses),
            ("TRIMINT_IPFS_GATEWAYS", lambda: self.gateways),
            ("TRIMINT_PARTNER_GATEWAYS", lambda: self.public_gateways),
            ("TRIMINT_PARTNER_URL", lambda: self.partner),
            ("TRIMINT_DATABASE_READ_URL", lambda: self.database),
        ):
            try:
                usable()
            except ValueError as error:
                raise ValueError(f"{variable}: {error}") from None
        return self

    @model_validator(mode="after")
    def _possible(self) -> VerifierSettings:
        if self.required_gateways > len(self.gateways):
            raise ValueError(
                f"TRIMINT_GATEWAYS_REQUIRED: expected at most {len(self.gateways)}, the number"
                f" of TRIMINT_IPFS_GATEWAYS, got {self.gateways_required}"
            )
        if not all(wait.isdigit() and int(wait) for wait in self.recheck_waits):
            raise ValueError("TRIMINT_RECHECK_WAITS: expected whole seconds above 0")
        try:
            parse_address(self.solana_authority)
        except Permanent as fault:
            raise ValueError(f"TRIMINT_SOLANA_AUTHORITY: {fault}") from fault
        return self

    @property
    def required_gateways(self) -> int:
        """The k of "k of n gateways"."""
        return self.gateways_required or len(self.gateways) // 2 + 1

    @property
    def waits(self) -> Waits:
        """Seconds until later work is done."""
        return Waits(phase_2=self.verify_delay, retries=tuple(map(float, self.recheck_waits)))

    @property
    def delays(self) -> tuple[Wait, ...]:
        """Every wait that work for later may have, each once."""
        seconds = {self.waits.phase_2, *self.waits.retries}
        return tuple(Wait(wait) for wait in sorted(seconds))

    @property
    def rules(self) -> Rules:
        """What the checks need to know beside the mint."""
        return Rules(
            solana=_policy(self.solana_check_attempts, self.solana_check_backoff),
            ipfs=_policy(self.ipfs_check_attempts, self.ipfs_check_backoff),
            database=_policy(self.database_check_attempts, self.database_check_backoff),
            partner=_policy(self.partner_check_attempts, self.partner_check_backoff),
            finality=self.finality_timeout,
            gateways_required=self.required_gateways,
            reads=self.solana_checks_at_once,
            downloads=self.ipfs_checks_at_once,
            queries=self.database_read_connections,
        )


def _by_host(urls: Sequence[str]) -> tuple[Address, ...]:
    """What is behind these URLs, each once."""
    return tuple(map(_address, dict.fromkeys(url.rstrip("/") for url in urls)))


def _address(url: str) -> Address:
    """A URL, called by its host. Raises `ValueError` that shows nothing of it."""
    if not url.startswith(("http://", "https://")):
        raise ValueError("expected a URL that begins with http:// or https://")
    return Address(gateway_name(url), url)


def _policy(attempts: int, base: float) -> Backoff:
    """An `Outage` is tried again, too: when a check begins anew, all endpoints have been asked."""
    return Backoff(attempts=attempts, base=base, retried=(*SAME_ENDPOINT, Outage))
